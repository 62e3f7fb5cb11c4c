"""Settings, environment variables and SSH keys: sections 3.15, 3.16 and 3.17."""

from dataclasses import replace
from typing import Any, Unpack
from uuid import UUID

from aiotravis.testing import Switches
from tests.conformance.scene import READER, Scene
from tests.conformance.tables import (
    NOT_FOUND,
    NOTHING,
    V21,
    After,
    Check,
    Entity,
    Place,
    Row,
    RowOptions,
    calls,
    equals,
    fields,
    ids,
    keys,
    no_other_fields,
)

NO_REPOSITORY = equals({"error": "Couldn't find repository"})
NO_SETTING = equals({"error": "Could not find a requested setting"})
NOT_PASSED = equals({"error": "Settings must be passed with a request"})
NO_TOKEN = b"no access token supplied"
NO_JSON = b"Invalid JSON in request body"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMII"

GENERAL, VARIABLES = "/repos/{repo}/settings", "/settings/env_vars?repository_id={repo}"
PUBLIC, PRIVATE = (f"/settings/env_vars/{{{one}}}?repository_id={{repo}}" for one in ("public", "private"))
KEY, NO_KEY = "/settings/ssh_key/{repo}", "/settings/ssh_key/{secret}"

BOOLS = (
    "builds_only_with_travis_yml", "build_pushes", "build_pull_requests", "build_releases", "auto_cancel_pushes",
    "auto_cancel_pull_requests", "allow_config_imports", "share_encrypted_env_with_forks", "share_ssh_keys_with_forks",
    "job_log_time_based_limit", "job_log_access_based_limit",
)  # fmt: skip


def setting(name: str, expected: object) -> Check:
    return lambda body: body["settings"][name] == expected


def patch(status: int, body: bytes | Check, **settings: object) -> Row:
    return Row(status, GENERAL, body, method="PATCH", json={"settings": settings})


def refused(field: str, code: str) -> Check:
    return equals({"message": "Validation failed", "errors": [{"field": field, "code": code}]})


def migrated(found: Scene) -> None:
    found.repo.migrated = True


def is_migrated(body: dict[str, str]) -> bool:
    return body["error_type"] == "migrated_repository"


def variable(**expected: object) -> Check:
    return lambda body: all(body["env_var"].get(name, "nothing") == value for name, value in expected.items())


def without_value(body: Any) -> bool:
    return "value" not in body["env_var"]


def value_is(place: int, expected: str | None) -> After:
    return lambda found: found.repo.data.env_vars[place].value == expected


def unset(found: Scene) -> None:
    found.repo.data.ssh_key = None


def ssh(status: int, body: bytes | Check, method: str = "GET", path: str = KEY, **more: Unpack[RowOptions]) -> Row:
    return replace(Row(status, path, body, method=method, mode="com"), **more)


def key(**sent: object) -> dict[str, object]:
    return {"ssh_key": sent}


ROWS: dict[str, Row] = {
    "3.15 GET": Row(200, GENERAL, keys("settings")),
    "3.15 GET by slug does not exist": Row(404, "/repos/{slug}/settings", NOT_FOUND),
    "3.15 GET without push right": Row(404, GENERAL, NO_REPOSITORY, token=READER),
    "3.15 GET, unknown": Row(404, "/repos/9/settings", NO_REPOSITORY),
    "3.15 PATCH gives all values": patch(200, lambda body: len(body["settings"]) == 16, build_pushes=False),
    "3.15 PATCH changes what is named": patch(200, setting("build_pushes", False), build_pushes=False),
    "3.15 PATCH leaves the rest": patch(200, setting("build_pull_requests", True), build_pushes=False),
    "3.15 PATCH ignores unknown keys": patch(200, lambda body: "mood" not in body["settings"], mood="good"),
    "3.15 PATCH does not set env_vars or ssh_key": patch(
        200, lambda body: not {"env_vars", "ssh_key"} & set(body["settings"]), env_vars=[], ssh_key={},
    ),
    "3.15 PATCH without push right": Row(
        404, GENERAL, NO_REPOSITORY, method="PATCH", token=READER, json={"settings": {}},
    ),
    "3.15 PATCH, nobody": Row(401, GENERAL, NO_TOKEN, method="PATCH", token=None, json={"settings": {}}),
    "3.15 PATCH without settings": Row(422, GENERAL, NOT_PASSED, method="PATCH", json={}),
    "3.15 PATCH of what is no JSON": Row(
        400, GENERAL, NO_JSON, method="PATCH", data=b"{", headers={"Content-Type": "text/plain"},
    ),
    "3.15 PATCH, migrated": Row(403, GENERAL, is_migrated, method="PATCH", json={"settings": {}}, before=migrated),
    "3.15 maximum_number_of_builds": patch(200, setting("maximum_number_of_builds", 3), maximum_number_of_builds=3),
    "3.15 maximum_number_of_builds, no number": patch(
        422, refused("maximum_number_of_builds", "not_a_number"), maximum_number_of_builds="many",
    ),
    "3.15 maximum_number_of_builds, blank": patch(
        422, refused("maximum_number_of_builds", "not_a_number"), maximum_number_of_builds="",
    ),
    **{
        f"3.15 maximum_number_of_builds, {sent!r} is {kept}": patch(
            200, setting("maximum_number_of_builds", kept), maximum_number_of_builds=sent,
        )
        for sent, kept in (("3", 3), (None, 0), ("-0", 0), ("2.9", 2), (2.9, 2), ("1e2", 100))
    },
    **{
        f"3.15 build_pushes, {sent!r} is {kept}": patch(200, setting("build_pushes", kept), build_pushes=sent)
        for sent, kept in (("false", False), ("TRUE", True), ("off", False), (0, False), ("1", True))
    },
    "3.15 maximum_number_of_builds, a boolean": patch(
        422, refused("maximum_number_of_builds", "not_a_number"), maximum_number_of_builds=True,
    ),
    "3.15 timeout_hard_limit, as text": patch(200, setting("timeout_hard_limit", 90), timeout_hard_limit="90"),
    '3.15 timeout_hard_limit, "0" is null': patch(200, setting("timeout_hard_limit", None), timeout_hard_limit="0"),
    "3.15 timeout_hard_limit, null": patch(200, setting("timeout_hard_limit", None), timeout_hard_limit=None),
    "3.15 timeout_log_silence, blank": patch(
        422, refused("timeout_log_silence", "not_a_number"), timeout_log_silence="",
    ),
    "3.15 api_builds_rate_limit, as text": patch(
        200, setting("api_builds_rate_limit", 7), api_builds_rate_limit="7",
    ),
    "3.15 job_log_access_older_than_days, blank": patch(
        422, refused("job_log_access_older_than_days", "not_a_number"), job_log_access_older_than_days="",
    ),
    "3.15 timeout_hard_limit": patch(200, setting("timeout_hard_limit", 180), timeout_hard_limit=180),
    "3.15 timeout_hard_limit, 0 is null": patch(200, setting("timeout_hard_limit", None), timeout_hard_limit=0),
    "3.15 timeout_hard_limit, too much": patch(
        422, refused("timeout_hard_limit", "Invalid hard_limit timeout value (allowed: 0 - 180)"),
        timeout_hard_limit=181,
    ),
    "3.15 timeout_log_silence": patch(200, setting("timeout_log_silence", 60), timeout_log_silence=60),
    "3.15 timeout_log_silence, 0 is null": patch(200, setting("timeout_log_silence", None), timeout_log_silence=0),
    "3.15 timeout_log_silence, too much": patch(
        422, lambda body: body["errors"][0]["field"] == "timeout_log_silence", timeout_log_silence=61,
    ),
    "3.15 api_builds_rate_limit": patch(200, setting("api_builds_rate_limit", 200), api_builds_rate_limit=200),
    "3.15 api_builds_rate_limit, null": patch(200, setting("api_builds_rate_limit", None), api_builds_rate_limit=None),
    "3.15 api_builds_rate_limit, too much": patch(
        422, refused("api_builds_rate_limit", "can't be more than 200"), api_builds_rate_limit=201,
    ),
    "3.16 GET /settings/env_vars": Row(200, VARIABLES, ids("env_vars", "FULL", "ERASED", "HIDDEN", by="name")),
    "3.16 GET /settings/env_vars without push right": Row(404, VARIABLES, NOTHING, token=READER),
    "3.16 GET /settings/env_vars, nobody": Row(401, VARIABLES, NO_TOKEN, token=None),
    "3.16 GET /settings/env_vars/{uuid}": Row(200, PUBLIC, variable(name="FULL", value="text")),
    "3.16 GET /settings/env_vars/{uuid}, unknown": Row(404, VARIABLES.replace("vars?", "vars/1?"), NO_SETTING),
    "3.16 POST": Row(
        200, VARIABLES, variable(name="A", value="b", public=True, branch="topic"), method="POST",
        json={"env_var": {"name": "A", "value": "b", "public": True, "branch": "topic"}}, after=value_is(3, "b"),
    ),
    "3.16 POST: private by default": Row(
        200, VARIABLES, variable(public=False, branch=None, value="nothing"), method="POST",
        json={"env_var": {"name": "A", "value": "b"}}, after=value_is(3, "b"),
    ),
    "3.16 POST: the id is a uuid": Row(
        200, VARIABLES, lambda body: str(UUID(body["env_var"]["id"])) == body["env_var"]["id"], method="POST",
        json={"env_var": {"name": "A"}},
    ),
    "3.16 POST: names are not unique": Row(
        200, VARIABLES, variable(name="FULL"), method="POST", json={"env_var": {"name": "FULL"}},
    ),
    "3.16 POST: only name must be present": Row(
        422, VARIABLES, refused("name", "missing_field"), method="POST", json={"env_var": {"value": "b"}},
    ),
    "3.16 POST, migrated": Row(
        403, VARIABLES, is_migrated, method="POST", json={"env_var": {"name": "A"}}, before=migrated,
        after=lambda found:
        len(found.repo.data.env_vars) == 3,
    ),
    "3.16 POST of what is no JSON": Row(
        400, VARIABLES, NO_JSON, method="POST", data=b"name=A",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "3.16 PATCH": Row(
        200, PUBLIC, variable(name="FULL", value="other"), method="PATCH", json={"env_var": {"value": "other"}},
        after=value_is(0, "other"),
    ),
    "3.16 PATCH: blank name": Row(
        422, PUBLIC, refused("name", "missing_field"), method="PATCH", json={"env_var": {"name": "", "value": "x"}},
        after=value_is(0, "text"),
    ),
    "3.16 PATCH: the value of what is private stays": Row(
        200, PRIVATE, without_value, method="PATCH", json={"env_var": {"name": "B"}}, after=value_is(2, "secret"),
    ),
    "3.16 PATCH: publishing erases the value": Row(
        200, PRIVATE, variable(public=True, value=None), method="PATCH", json={"env_var": {"public": True}},
        after=value_is(2, None),
    ),
    "3.16 PATCH: publishing with a value": Row(
        200, PRIVATE, variable(public=True, value="new"), method="PATCH",
        json={"env_var": {"public": True, "value": "new"}},
    ),
    "3.16 PATCH without repository_id": Row(
        404, "/settings/env_vars/{public}", NOTHING, method="PATCH", json={"env_var": {"value": "x"}},
        after=value_is(0, "text"),
    ),
    "3.16 DELETE gives the deleted object": Row(
        200, PUBLIC, variable(name="FULL", value="text"), method="DELETE",
        after=lambda found: [one.name for one in found.repo.data.env_vars] == ["ERASED", "HIDDEN"],
    ),
    "3.16 DELETE without repository_id": Row(
        404, "/settings/env_vars/{public}", NOTHING, method="DELETE", after=value_is(0, "text"),
    ),
    "3.16 DELETE without push right": Row(
        404, PUBLIC, NOTHING, method="DELETE", token=READER, after=value_is(0, "text"),
    ),
    "3.16 the documented path gives the repository": Row(
        200, "/repos/settings/env_vars?repository_id={repo}",
        lambda body: body["repo"]["slug"] == "travis-ci/travis.rb",
    ),
    "3.16 the documented path without an id": Row(404, "/repos/settings/env_vars", NOT_FOUND),
    "3.16 the documented path, POST": Row(
        404, "/repos/settings/env_vars?repository_id={repo}", NOT_FOUND, method="POST", json={"env_var": {"name": "A"}},
    ),
    "3.16 the documented path, PATCH": Row(
        404, "/repos/settings/env_vars/{public}?repository_id={repo}", NOT_FOUND, method="PATCH", json={"env_var": {}},
    ),
    "3.16 the documented path, DELETE": Row(
        404, "/repos/settings/env_vars/{public}?repository_id={repo}", NOT_FOUND, method="DELETE",
    ),
    "3.17 GET": ssh(200, equals({"ssh_key": {"id": 82, "description": "deploy", "fingerprint": "ef:39:56"}})),
    "3.17 GET, unset": ssh(404, NO_SETTING, before=unset),
    "3.17 GET, nobody, org": Row(401, KEY, NO_TOKEN, token=None, switches=Switches(ssh_keys=True)),
    "3.17 GET without push right": ssh(404, NOT_FOUND, token=READER),
    "3.17 GET where there are none": Row(404, KEY, NOT_FOUND),
    "3.17 GET, enterprise": Row(200, KEY, keys("ssh_key"), mode="enterprise"),
    "3.17 PATCH where there are none": Row(404, KEY, NOT_FOUND, method="PATCH", json=key(value=PEM)),
    "3.17 PATCH creates": ssh(
        200, lambda body: body["ssh_key"]["description"] == "mine" and ":" in body["ssh_key"]["fingerprint"], "PATCH",
        before=unset, json=key(description="mine", value=PEM),
    ),
    "3.17 PATCH updates": ssh(
        200, lambda body: body["ssh_key"]["description"] == "deploy" and body["ssh_key"]["fingerprint"] != "ef:39:56",
        "PATCH", json=key(value=PEM),
    ),
    "3.17 PATCH updates the description alone": ssh(
        200, equals({"ssh_key": {"id": 82, "description": "mine", "fingerprint": "ef:39:56"}}), "PATCH",
        json=key(description="mine"),
    ),
    "3.17 PATCH never gives the value back": ssh(
        200, lambda body: "value" not in body["ssh_key"], "PATCH", json=key(value=PEM),
    ),
    "3.17 PATCH without value": ssh(
        422, refused("value", "missing_field"), "PATCH", before=unset, json=key(description="a"),
    ),
    "3.17 PATCH with no key": ssh(422, refused("value", "not_a_private_key"), "PATCH", json=key(value="hello")),
    "3.17 PATCH with a passphrase": ssh(
        422, refused("value", "key_with_a_passphrase"), "PATCH", json=key(value=f"{PEM}\nProc-Type: 4,ENCRYPTED"),
    ),
    "3.17 DELETE gives the old object": ssh(
        200, lambda body: body["ssh_key"]["description"] == "deploy", "DELETE",
        after=lambda found: found.repo.data.ssh_key is None,
    ),
    "3.17 DELETE, unset": ssh(404, NOT_FOUND, "DELETE", before=unset),
    "3.17 nobody, com": ssh(401, NOTHING, token=None),
    "3.17 nobody, com, v2.1": ssh(401, NO_TOKEN, token=None, accept=V21),
}  # fmt: skip

ENTITIES: dict[str, Entity] = {
    "settings": Entity(
        "3.15", "full_settings", "sparse_settings", {"all": Place("/repos/{one}/settings", "settings")},
        {
            **dict.fromkeys(BOOLS, "bool"), "maximum_number_of_builds": "int", "timeout_hard_limit": "int?",
            "timeout_log_silence": "int?", "api_builds_rate_limit": "int?", "job_log_access_older_than_days": "int",
        },
        never=("env_vars", "ssh_key"),
    ),
    "env_var": Entity(
        "3.16", "public", "erased",
        {
            "list": Place(VARIABLES, "env_vars"),
            "single": Place("/settings/env_vars/{one}?repository_id={repo}", "env_var"),
        },
        {
            "id": "string", "name": "string", "value": "string?", "public": "bool", "branch": "string?",
            "repository_id": "int",
        },
    ),
    "private env_var": Entity(
        "3.16", "private", "private",
        {
            "list": Place(VARIABLES, "env_vars"),
            "single": Place("/settings/env_vars/{one}?repository_id={repo}", "env_var"),
        },
        {"id": "string", "name": "string", "public": "bool", "repository_id": "int"},
        never=("value",),
    ),
    "ssh_key": Entity(
        "3.17", "full_repo", "notes", {"single": Place("/settings/ssh_key/{one}", "ssh_key", mode="com")},
        {"id": "int", "description": "string?", "fingerprint": "string?"}, never=("value",),
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)

test_an_entity_has_the_field = fields(ENTITIES)

test_an_entity_has_no_other_fields = no_other_fields(
    {name: ENTITIES[name] for name in ["settings", "env_var", "ssh_key"]}
)
