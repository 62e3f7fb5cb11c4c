"""Settings, environment variables and SSH keys, in raw bytes."""

import math

import pytest

from aiotravis.testing import Repository, Switches, TravisServer
from aiotravis.testing.rest.settings import coerced_setting, setting_error
from tests.conftest import TOKEN
from tests.raw import ask


async def test_settings_errors_have_two_shapes(server: TravisServer, repository: Repository) -> None:
    assert (await ask(server, "/repos/9/settings", token=TOKEN)).json == {"error": "Couldn't find repository"}
    answer = await ask(server, "/repos/82/settings", method="PATCH", token=TOKEN, json={})
    assert (answer.status, answer.json) == (422, {"error": "Settings must be passed with a request"})


async def test_private_variable_hides_its_value_and_loses_it_when_published(
    server: TravisServer, repository: Repository
) -> None:
    path = "/settings/env_vars?repository_id=82"
    made = await ask(server, path, method="POST", token=TOKEN, json={"env_var": {"name": "A", "value": "s"}})
    assert made.status == 200
    assert "value" not in made.json["env_var"]
    one = f"/settings/env_vars/{made.json['env_var']['id']}?repository_id=82"
    published = await ask(server, one, method="PATCH", token=TOKEN, json={"env_var": {"public": True}})
    assert published.json["env_var"]["value"] is None
    for way, json in ((path, {}), (one, {"env_var": {"name": " "}})):
        method = "POST" if way is path else "PATCH"
        answer = await ask(server, way, method=method, token=TOKEN, json=json)
        assert (answer.status, answer.json["errors"]) == (422, [{"field": "name", "code": "missing_field"}])
    assert (await ask(server, one.replace("=82", "=9"), token=TOKEN)).body == b""


async def test_org_has_no_ssh_keys(server: TravisServer, repository: Repository) -> None:
    assert (await ask(server, "/settings/ssh_key/82", token=TOKEN)).body == b'{"file":"not found"}'


@pytest.mark.parametrize(
    ("name", "value", "trouble"),
    [
        ("maximum_number_of_builds", 3, None), ("maximum_number_of_builds", True, "not_a_number"),
        ("maximum_number_of_builds", "", "not_a_number"), ("api_builds_rate_limit", -1, "can't be more than 200"),
        ("api_builds_rate_limit", None, None), ("timeout_log_silence", 60, None), ("build_pushes", "anything", None),
        ("timeout_hard_limit", "x", "Invalid hard_limit timeout value (allowed: 0 - 180)"),
    ],
)  # fmt: skip
def test_setting_error_is_a_code_or_a_sentence(name: str, value: object, trouble: str | None) -> None:
    assert setting_error(name, value) == trouble


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("maximum_number_of_builds", "3", 3), ("maximum_number_of_builds", None, 0),
        ("maximum_number_of_builds", "x", "x"), ("maximum_number_of_builds", True, True),
        ("maximum_number_of_builds", "1e999", math.inf), ("timeout_log_silence", None, None),
        ("timeout_log_silence", "+5", 5), ("build_pushes", "False", False), ("build_pushes", 1, True),
        ("build_pushes", 2, 2), ("build_pushes", "maybe", "maybe"), ("build_pushes", [], []),
    ],
)  # fmt: skip
def test_setting_is_coerced_as_far_as_possible(name: str, value: object, kept: object) -> None:
    coerced = coerced_setting(name, value)
    assert (type(coerced), coerced) == (type(kept), kept)


@pytest.mark.parametrize("path", ["/settings/env_vars/", "/settings/env_vars"])
async def test_root_of_variables_takes_a_slash(server: TravisServer, repository: Repository, path: str) -> None:
    body = {"env_var": {"name": "A", "value": "s", "public": True}}
    made = await ask(server, f"{path}?repository_id=82", method="POST", token=TOKEN, json=body)
    assert made.status == 200
    listed = await ask(server, f"{path}?repository_id=82", token=TOKEN)
    assert listed.json["env_vars"] == [made.json["env_var"]]


async def test_settings_change_is_applied_whole_or_not_at_all(server: TravisServer, repository: Repository) -> None:
    changes = {"build_pushes": False, "timeout_hard_limit": 181}
    refused = await ask(server, "/repos/82/settings", method="PATCH", token=TOKEN, json={"settings": changes})
    assert refused.status == 422
    assert repository.data.settings["build_pushes"] is True


async def test_branch_of_a_variable_can_be_removed(server: TravisServer, repository: Repository) -> None:
    path = "/settings/env_vars?repository_id=82"
    variable = {"name": "A", "value": None, "branch": "master"}
    made = (await ask(server, path, method="POST", token=TOKEN, json={"env_var": variable})).json["env_var"]
    one = f"/settings/env_vars/{made['id']}?repository_id=82"
    changed = await ask(server, one, method="PATCH", token=TOKEN, json={"env_var": {"branch": None}})
    assert (made["branch"], changed.json["env_var"]["branch"]) == ("master", None)
    assert repository.data.env_vars[0].value is None


async def test_ssh_keys_depend_on_switch_and_mode() -> None:
    for keys, status in ((True, 404), (False, 404), (None, 404)):
        async with TravisServer(mode="com", switches=Switches(ssh_keys=keys)) as server:
            server.world.repository("a/b", users=[server.world.user("sarah", token=TOKEN)])
            answer = await ask(server, "/settings/ssh_key/82", token=TOKEN)
            told = b'{"file":"not found"}' if keys is False else b'{"error": "Could not find a requested setting"}'
            assert (answer.status, answer.body) == (status, told)
