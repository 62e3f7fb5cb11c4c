"""Accounts, broadcasts, hooks, permissions and users: sections 3.1, 3.4, 3.9, 3.11 and 3.18."""

from collections.abc import Callable

from aiotravis.testing import Broadcast
from tests.conformance.scene import BARE, READER, STRANGER, Scene
from tests.conformance.tables import (
    NOT_FOUND,
    SORRY,
    Check,
    Entity,
    Place,
    Row,
    calls,
    equals,
    fields,
    ids,
    keys,
    no_other_fields,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NO_TOKEN = b"no access token supplied"


def logins(*expected: str | None) -> Check:
    return lambda body: [one["login"] for one in body["accounts"]] == list(expected)


def count_of(login: str | None, expected: int | None) -> Check:
    return lambda body: {one["login"]: one["repos_count"] for one in body["accounts"]}[login] == expected


def active_after(expected: bool) -> Callable[[Scene], bool]:
    return lambda found: found.repo.active is expected


def locale(expected: str) -> Check:
    return lambda body: body["user"]["locale"] == expected


def reader_only(found: Scene) -> None:
    found.repo.readers.append(found.sarah)
    found.notes.readers.append(found.sarah)


def synced(found: Scene) -> None:
    found.sarah.start_sync(found.clock.now)
    found.clock.now += 2


def put_hook(value: object, expected: bool) -> Row:
    return Row(
        200, "/hooks/{repo}", b'{"result": true}', method="PUT", json={"hook": {"active": value}},
        before=lambda found: setattr(found.repo, "active", not expected), after=active_after(expected),
    )  # fmt: skip


ROWS: dict[str, Row] = {
    "3.1 GET /accounts": Row(200, "/accounts", logins("sarah", "travis-ci")),
    "3.1 GET /accounts, older servers": Row(200, "/accounts", logins("sarah", "travis-ci", None), age="2017"),
    "3.1 GET /accounts, nobody": Row(401, "/accounts", NO_TOKEN, token=None),
    "3.1 the user is first, then organizations": Row(
        200, "/accounts", lambda body: [one["type"] for one in body["accounts"]] == ["user", "organization"]
    ),
    "3.1 without all: only with admin right": Row(200, "/accounts", logins("sarah"), before=reader_only),
    "3.1 all=": Row(200, "/accounts?all=", logins("sarah"), before=reader_only),
    "3.1 all=true": Row(200, "/accounts?all=true", logins("sarah", "travis-ci"), before=reader_only),
    "3.1 all=false means true": Row(200, "/accounts?all=false", logins("sarah", "travis-ci"), before=reader_only),
    "3.1 repos_count counts": Row(200, "/accounts", count_of("travis-ci", 1)),
    "3.1 repos_count of a user who has none": Row(200, "/accounts", count_of("reader", 0), token=READER),
    "3.1 repos_count is never null": Row(
        200, "/accounts?all=true", lambda body: all(type(one["repos_count"]) is int for one in body["accounts"]),
    ),
    "3.1 repos_count of one that has none, older servers": Row(200, "/accounts", count_of(None, None), age="2017"),
    "3.1 user and organization ids overlap": Row(
        200, "/accounts", lambda body: len({one["id"] for one in body["accounts"]}) < len(body["accounts"])
    ),
    "3.4 GET /broadcasts": Row(200, "/broadcasts", keys("broadcasts")),
    "3.4 GET /broadcasts, nobody": Row(401, "/broadcasts", NO_TOKEN, token=None),
    "3.4 newest first, for everyone, the user, their orgs, their repos": Row(
        200, "/broadcasts",
        ids("broadcasts", "for the repository", "for travis-ci", "for sarah", None, "for everybody", by="message"),
    ),
    "3.4 for somebody else": Row(
        200, "/broadcasts", ids("broadcasts", "for travis-pro", "for josh", None, "for everybody", by="message"),
        token=STRANGER,
    ),
    "3.4 younger than 14 days": Row(
        200, "/broadcasts", lambda body: "just" in {one["message"] for one in body["broadcasts"]},
        before=lambda found: found.server.world.broadcasts.append(Broadcast("just", found.clock.now - 14 * 86_400 + 1)),
    ),
    "3.4 14 days old": Row(
        200, "/broadcasts", lambda body: "not" not in {one["message"] for one in body["broadcasts"]},
        before=lambda found: found.server.world.broadcasts.append(Broadcast("not", found.clock.now - 14 * 86_400)),
    ),
    "3.9 GET /hooks": Row(200, "/hooks", ids("hooks", 82, 83)),
    "3.9 GET /hooks, nobody": Row(401, "/hooks", NO_TOKEN, token=None),
    "3.9 admin repositories only": Row(200, "/hooks", equals({"hooks": []}), token=READER),
    "3.9 all adds the rest": Row(200, "/hooks?all=false", ids("hooks", 82), token=READER),
    "3.9 order=none": Row(200, "/hooks?order=none", ids("hooks", 82, 83)),
    "3.9 owner_name": Row(200, "/hooks?owner_name=sarah", ids("hooks", 83)),
    "3.9 name": Row(200, "/hooks?name=travis.rb", ids("hooks", 82)),
    "3.9 id": Row(200, "/hooks?id=83", ids("hooks", 83)),
    "3.9 PUT /hooks": Row(
        200, "/hooks", b'{"result": true}', method="PUT", json={"hook": {"id": 82, "active": False}},
        after=active_after(False),
    ),
    "3.9 PUT /hooks, form": Row(
        200, "/hooks", b'{"result": true}', method="PUT", headers=FORM, data=b"hook[id]=82&hook[active]=false",
        after=active_after(False),
    ),
    "3.9 PUT /hooks, nobody": Row(401, "/hooks", NO_TOKEN, method="PUT", token=None, json={"hook": {}}),
    "3.9 PUT /hooks/{id} true": put_hook(True, True),
    "3.9 PUT /hooks/{id} false": put_hook(False, False),
    '3.9 PUT /hooks/{id} "true"': put_hook("true", True),
    '3.9 PUT /hooks/{id} "false"': put_hook("false", False),
    "3.9 PUT /hooks/{id} any other text": put_hook("TRUE", False),
    "3.9 PUT /hooks/{id} null": put_hook(None, False),
    "3.9 PUT /hooks/{id} nothing": Row(
        200, "/hooks/{repo}", b'{"result": true}', method="PUT", json={"hook": {"id": 1}}, after=active_after(False),
    ),
    "3.9 PUT /hooks/{id} form": Row(
        200, "/hooks/{notes}", b'{"result": true}', method="PUT", headers=FORM, data=b"hook[active]=true",
        after=lambda found: found.notes.active is True,
    ),
    "3.9 PUT /hooks/{id} without hook": Row(500, "/hooks/{repo}", SORRY, "text/plain", method="PUT", json={}),
    "3.9 PUT /hooks/{id} of another": Row(
        403, "/hooks/{repo}", b"{}", method="PUT", token=STRANGER, json={"hook": {"active": False}},
        after=active_after(True),
    ),
    "3.11 GET /users/permissions": Row(
        200, "/users/permissions",
        equals({"permissions": [82, 83], "admin": [82, 83], "pull": [82, 83], "push": [82, 83]}),
    ),
    "3.11 GET /users/permissions, a reader": Row(
        200, "/users/permissions", equals({"permissions": [82], "admin": [], "pull": [82], "push": []}), token=READER,
    ),
    "3.11 GET /users/permissions, nobody": Row(401, "/users/permissions", NO_TOKEN, token=None),
    "3.18 GET /users": Row(200, "/users", lambda body: body["user"]["login"] == "sarah"),
    "3.18 GET /users/": Row(200, "/users/", lambda body: body["user"]["login"] == "sarah"),
    "3.18 GET /users, nobody": Row(401, "/users", NO_TOKEN, token=None),
    "3.18 GET /users/{id}, one's own": Row(200, "/users/{user}", keys("user")),
    "3.18 GET /users/{id}, any other": Row(404, "/users/{other_user}", NOT_FOUND),
    "3.18 PUT /users/{id}": Row(
        200, "/users/{user}", locale("fr"), method="PUT", json={"user": {"locale": "fr"}},
    ),
    "3.18 PUT /users/": Row(
        200, "/users/", locale("fr"), method="PUT", json={"user": {"locale": "fr"}},
    ),
    "3.18 PUT /users": Row(
        200, "/users", locale("en"), method="PUT", headers=FORM, data=b"user[locale]=en",
    ),
    "3.18 PUT /users/{id}, an unknown locale": Row(
        200, "/users/{user}", locale("de"), method="PUT", json={"user": {"locale": "xx"}},
    ),
    "3.18 POST /users/sync": Row(
        200, "/users/sync", b'{"result": true}', method="POST", after=lambda found: found.sarah.is_syncing,
    ),
    "3.18 POST /users/sync ends": Row(
        200, "/users", lambda body: body["user"]["is_syncing"] is False
        and body["user"]["synced_at"] == "2014-05-13T16:54:22Z", before=synced,
    ),
    "3.18 POST /users/sync, after one that has ended": Row(
        200, "/users/sync", b'{"result": true}', method="POST", before=synced,
    ),
    "3.18 POST /users/sync, while syncing": Row(
        409, "/users/sync", equals({"message": "Sync already in progress. Try again later."}), method="POST",
        before=lambda found: setattr(found.sarah, "is_syncing", True),
    ),
    "3.18 channels": Row(200, "/users", lambda body: body["user"]["channels"] == ["private-user-201"]),
    "3.18 gravatar_id without email": Row(200, "/users", lambda body: body["user"]["gravatar_id"] == "", token=BARE),
    "3.18 missing in 2014": Row(
        200, "/users", age="2014",
        body=lambda body: not {"channels", "avatar_url", "first_logged_in_at", "allow_migration", "vcs_type"}
        & set(body["user"]),
    ),
}  # fmt: skip

ENTITIES: dict[str, Entity] = {
    "account": Entity(
        "3.1", "travis-ci", None,
        {
            # Today's server does not list the sparse one.
            "org": Place("/accounts", "accounts", by="login", age="2017"),
            "com": Place("/accounts", "accounts", by="login", mode="com", age="2017"),
        },
        {
            "id": "int", "name": "string?", "login": "string?", "type": "string", "repos_count": "int?",
            "avatar_url": "string", "subscribed": "bool", "education": "bool",
        },
        only={"subscribed": ["com"], "education": ["com"]},
    ),
    "broadcast": Entity(
        "3.4", 1, 2, {"list": Place("/broadcasts", "broadcasts")}, {"id": "int", "message": "string?"},
        never=("kind", "expired"),
    ),
    "hook": Entity(
        "3.9", 82, 83, {"list": Place("/hooks", "hooks")},
        {
            "id": "int", "name": "string", "owner_name": "string", "description": "string?", "active": "bool?",
            "private": "bool", "admin": "bool",
        },
        never=("slug",),
    ),
    "permissions": Entity(
        "3.11", "", "", {"all": Place("/users/permissions")},
        {"permissions": "[int]", "admin": "[int]", "pull": "[int]", "push": "[int]"},
    ),
    "user": Entity(
        "3.18", "sarah", "bare", {"current": Place("/users", "user", sparse_token=BARE)},
        {
            "id": "int", "name": "string?", "login": "string", "email": "string?", "gravatar_id": "string",
            "avatar_url": "string", "locale": "string?", "is_syncing": "bool", "synced_at": "ts?",
            "correct_scopes": "bool", "created_at": "ts", "first_logged_in_at": "ts?", "channels": "[string]",
            "allow_migration": "bool", "vcs_type": "string",
        },
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)

test_an_entity_has_the_field = fields(ENTITIES)

test_an_entity_has_no_other_fields = no_other_fields(ENTITIES)
