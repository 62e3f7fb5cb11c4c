"""Repositories, their caches and keys: sections 3.7, 3.12 and 3.13."""

import base64
import re
from collections.abc import Callable

from aiotravis.testing import Switches
from tests.conformance.scene import NOW, READER, STRANGER, Scene
from tests.conformance.tables import (
    NOT_FOUND,
    NOTHING,
    V21,
    Check,
    Entity,
    Place,
    Row,
    calls,
    equals,
    fields,
    keys,
    nothing_else,
)
from tests.raw import Raw

FORBIDDEN = b"{}"
NO_CACHES = equals({"caches": []})
NO_TOKEN = b"no access token supplied"
TWO, ALL = ["cache-linux-ruby", "cache-osx-ruby"], ["cache-linux-ruby", "cache-osx-ruby", "cache-none"]


def caches(*expected: str) -> Check:
    return lambda body: [one["slug"] for one in body["caches"]] == list(expected)


def left(*expected: str) -> Callable[[Scene], bool]:
    return lambda found: [one.slug for one in found.repo.data.caches] == list(expected)


def repos(*expected: int) -> Check:
    return lambda body: [one["id"] for one in body["repos"]] == list(expected)


def count(expected: int) -> Check:
    return lambda body: len(body["repos"]) == expected


def many(found: Scene) -> None:
    for place in range(60):
        found.server.world.repository(f"many/r{place}", users=[found.sarah])


def rival(found: Scene) -> None:
    """Another of sarah's, that ended after and began before what the first one did."""
    rival = found.server.world.repository("sarah/rival", users=[found.sarah])
    for build in found.repo.builds[1:]:
        found.repo.builds.remove(build)
    last = found.repo.builds[0]
    last.started_at, last.finished_at = NOW, NOW + 10
    build = rival.build().start().finish()
    build.started_at, build.finished_at = NOW - 10, NOW + 20
    found.repo.show_as_last(None)


def restarted(found: Scene) -> None:
    found.full.restart()


def restarted_and_begun(found: Scene) -> None:
    found.full.restart().start()


def last_build(number: str, state: str) -> Check:
    return lambda body: (body["repo"]["last_build_number"], body["repo"]["last_build_state"]) == (number, state)


def is_new_key(answer: Raw, found: Scene) -> bool:
    pem, fingerprint = answer.json["key"], answer.json["fingerprint"]
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    return (
        set(answer.json) == {"key", "fingerprint"}
        and pem.startswith("-----BEGIN PUBLIC KEY-----\n")
        and len(der) > 512  # bytes in 4096 bits
        and re.fullmatch(r"([0-9a-f]{2}:){15}[0-9a-f]{2}", fingerprint) is not None
        and found.repo.data.key == pem
    )


CACHES = "/repos/{repo}/caches"

ROWS: dict[str, Row] = {
    "3.7 GET /repos/{id}/caches": Row(200, CACHES, caches(*ALL)),
    "3.7 GET /repos/{owner}/{name}/caches": Row(200, "/repos/{slug}/caches", caches(*ALL)),
    "3.7 DELETE /repos/{id}/caches": Row(200, CACHES, caches(*ALL), method="DELETE", after=left()),
    "3.7 DELETE /repos/{owner}/{name}/caches": Row(
        200, "/repos/{slug}/caches", caches(*ALL), method="DELETE", after=left(),
    ),
    "3.7 DELETE gives what it deleted, and leaves the rest": Row(
        200, CACHES + "?branch=master", caches("cache-linux-ruby"), method="DELETE",
        after=left("cache-osx-ruby", "cache-none"),
    ),
    "3.7 branch is a prefix": Row(200, CACHES + "?branch=mas", caches("cache-linux-ruby")),
    "3.7 match is a part of the slug": Row(200, CACHES + "?match=ruby", caches(*TWO)),
    "3.7 branch and match": Row(200, CACHES + "?branch=topic&match=linux", NO_CACHES),
    "3.7 without push right": Row(403, CACHES, FORBIDDEN, token=READER),
    "3.7 DELETE without push right": Row(403, CACHES, FORBIDDEN, method="DELETE", token=READER, after=left(*ALL)),
    "3.7 where there is no caching": Row(200, CACHES, NO_CACHES, token=READER, switches=Switches(caching=False)),
    "3.12 GET /repos/{id}/key": Row(200, "/repos/{repo}/key", keys("key", "fingerprint"), token=None),
    "3.12 GET /repos/{owner}/{name}/key": Row(200, "/repos/{slug}/key", keys("key", "fingerprint")),
    "3.12 GET, nobody, com": Row(401, "/repos/{repo}/key", NOTHING, token=None, mode="com"),
    "3.12 GET, unknown": Row(404, "/repos/9/key", NOT_FOUND),
    "3.12 the key is PEM": Row(
        200, "/repos/{repo}/key", lambda body: body["key"].startswith("-----BEGIN PUBLIC KEY-----\n"),
    ),
    "3.12 the header may say RSA": Row(
        200, "/repos/{repo}/key", lambda body: body["key"].startswith("-----BEGIN RSA PUBLIC KEY-----\n"),
        before=lambda found: setattr(
            found.repo.data, "key", found.repo.data.key.replace(" PUBLIC", " RSA PUBLIC"),
        ),
    ),
    "3.12 POST /repos/{id}/key": Row(200, "/repos/{repo}/key", method="POST", whole=is_new_key),
    "3.12 POST /repos/{owner}/{name}/key": Row(200, "/repos/{slug}/key", method="POST", whole=is_new_key),
    "3.12 POST makes another": Row(
        200, "/repos/{repo}/key", method="POST",
        after=lambda found: found.repo.data.key != found.notes.data.key,
    ),
    "3.12 POST without admin right is 404": Row(404, "/repos/{repo}/key", NOT_FOUND, method="POST", token=READER),
    "3.12 POST, nobody": Row(401, "/repos/{repo}/key", NO_TOKEN, method="POST", token=None),
    "3.12 POST, migrated": Row(
        403, "/repos/{repo}/key", lambda body: body["error_type"] == "migrated_repository", method="POST",
        before=lambda found: setattr(found.repo, "migrated", True),
    ),
    "3.13 GET /repos/{id}": Row(200, "/repos/{repo}", keys("repo"), token=None),
    "3.13 GET /repos/{id}, unknown": Row(404, "/repos/9", NOT_FOUND),
    "3.13 GET /repos/{owner}/{name}": Row(
        200, "/repos/TRAVIS-CI/Travis.rb", lambda body: body["repo"]["id"] == 82, token=None,
    ),
    "3.13 GET /repos/{owner}/{name}, unknown": Row(404, "/repos/no/such", NOT_FOUND),
    "3.13 GET /repos/{id}, nobody, com": Row(401, "/repos/{repo}", NOTHING, token=None, mode="com"),
    "3.13 GET /repos": Row(200, "/repos", repos(82)),
    "3.13 GET /repos, nobody, org": Row(403, "/repos", NOTHING, token=None),
    "3.13 GET /repos, nobody, org, v2.1": Row(401, "/repos", NOTHING, token=None, accept=V21),
    "3.13 GET /repos, nobody, com, v2.1": Row(401, "/repos", NOTHING, token=None, mode="com", accept=V21),
    "3.13 GET /repos/{owner}": Row(200, "/repos/sarah", repos(83), token=None),
    "3.13 GET /repos/{owner}, nobody, com": Row(401, "/repos/sarah", NOTHING, token=None, mode="com"),
    "3.13 ids=1,2": Row(200, "/repos?ids={repo},{notes}", repos(82, 83)),
    "3.13 ids[]=": Row(200, "/repos?ids[]={repo}&ids[]={notes}", repos(82, 83)),
    "3.13 ids have no limit": Row(200, "/repos?ids=" + ",".join(map(str, range(200))), count(62), before=many),
    "3.13 ids ignore other filters": Row(200, "/repos?ids={notes}&owner_name=nobody&limit=1", repos(83)),
    "3.13 member": Row(200, "/repos?member=reader", repos(82)),
    "3.13 member who is none": Row(200, "/repos?member=josh", repos()),
    "3.13 owner_name": Row(200, "/repos?owner_name=sarah", repos(83)),
    "3.13 owner_name is case-sensitive": Row(200, "/repos?owner_name=Sarah", repos()),
    "3.13 slug": Row(200, "/repos?slug=sarah/notes", repos(83)),
    "3.13 search": Row(200, "/repos?search=CI/tra", repos(82)),
    "3.13 search, backslash": Row(200, "/repos?search=ci%5Ctra", repos(82)),
    "3.13 limit": Row(200, "/repos?owner_name=many&limit=30", count(30), before=many),
    "3.13 limit by default 25": Row(200, "/repos?owner_name=many", count(25), before=many),
    "3.13 limit at most 50": Row(200, "/repos?owner_name=many&limit=100", count(50), before=many),
    "3.13 limit=0 is 25": Row(200, "/repos?owner_name=many&limit=0", count(25), before=many),
    "3.13 limit=junk is 25": Row(200, "/repos?owner_name=many&limit=junk", count(25), before=many),
    "3.13 active is ignored": Row(200, "/repos?active=false", repos(82)),
    "3.13 active is ignored with a filter": Row(200, "/repos?owner_name=sarah&active=true", repos(83)),
    "3.13 any active filters in 2014": Row(200, "/repos?owner_name=sarah&active=false", repos(), old="2014"),
    "3.13 inactive ones with slug": Row(
        200, "/repos?slug=sarah/notes", repos(83), before=lambda found: setattr(found.notes, "active", False),
    ),
    "3.13 inactive ones with search": Row(
        200, "/repos?search=notes", repos(83), before=lambda found: setattr(found.notes, "active", False),
    ),
    "3.13 by activity": Row(200, "/repos", repos(85, 82), before=rival),
    "3.13 by last_build_started_at with search": Row(200, "/repos?search=r", repos(82, 85, 83), before=rival),
    '3.13 last_build_state is "" when never built': Row(
        200, "/repos/{notes}", lambda body: body["repo"]["last_build_state"] == "",
    ),
    "3.13 last_build_language is always null": Row(
        200, "/repos/{repo}", lambda body: body["repo"]["last_build_language"] is None,
    ),
    "3.13 last_build_* after restarting an old build": Row(
        200, "/repos/{repo}", last_build("4", "created"), before=restarted,
    ),
    "3.13 last_build_* once that has started": Row(
        200, "/repos/{repo}", last_build("1", "started"), before=restarted_and_begun,
    ),
    "3.13 an encoded slash is an owner": Row(200, "/repos/travis-ci%2Ftravis.rb", equals({"repos": []})),
    "3.13 a slash after an id": Row(404, "/repos/82/", NOT_FOUND),
    "3.13 somebody else's private one": Row(404, "/repos/{secret}", NOT_FOUND),
    "3.13 one's own private one": Row(200, "/repos/{secret}", keys("repo"), token=STRANGER),
}  # fmt: skip

ENTITIES: dict[str, Entity] = {
    "cache": Entity(
        "3.7", "cache-linux-ruby", "cache-none", {"list": Place(CACHES, "caches", by="slug")},
        {"repository_id": "int", "size": "int", "slug": "string", "branch": "string?", "last_modified": "ts"},
        never=("id",),
    ),
    "key": Entity(
        "3.12", "repo", "notes", {"single": Place("/repos/{one}/key")},
        {"key": "string", "fingerprint": "string?"}, never=("public_key",),
    ),
    "repo": Entity(
        "3.13", "full_repo", "notes",
        {
            "single": Place("/repos/{one}", "repo"), "list": Place("/repos?ids={one}", "repos"),
            "2014": Place("/repos/{one}", "repo", old="2014"),
        },
        {
            "id": "int", "slug": "string", "description": "string?", "active": "bool?", "last_build_id": "int?",
            "last_build_number": "string?", "last_build_state": "string", "last_build_duration": "int?",
            "last_build_language": "null", "last_build_started_at": "ts?", "last_build_finished_at": "ts?",
            "github_language": "string?",
        },
        only={"active": ["single", "list"]},
        never=("private", "admin", "default_branch"),
    ),
}  # fmt: skip

test_a_call_is_answered_as_by_travis = calls(ROWS)

test_a_field_is_that_of_travis = fields(ENTITIES)

test_there_are_no_fields_but_those = nothing_else(ENTITIES)
