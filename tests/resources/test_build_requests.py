"""Requests for builds in API v3: the JSON that is sent, and what became of a request."""

import copy
import pickle
from collections import UserDict
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from aiotravis import RequestMessage, RequestStatus, State, errors
from aiotravis.resources._build_requests import config_secrets, is_accepted, request_body
from aiotravis.resources.requests import Requests
from tests.resources.test_odd_values import WILD, changed, use
from tests.samples import Scripted

MESSAGE = b"""{"@type":"message","@representation":"minimal","id":9,"level":"warn","key":"root","code":"unknown_key",
"args":{"key":"lnguage","value":"ruby"},"src":".travis.yml","line":0}"""

APPROVED = (
    b"""{"@type":"request","@href":"/v3/repo/39521/request/205729","@representation":"standard",
"id":205729,"state":"finished","result":"approved","message":"Build created successfully","pull_request_mergeable":null,
"repository":{"@type":"repository","@href":"/v3/repo/39521","@representation":"minimal","id":39521,"name":"test-2",
"slug":"svenfuchs/test-2"},"branch_name":"master",
"commit":{"@type":"commit","@representation":"minimal","id":77,"sha":"bf944c95","ref":"refs/heads/master","message":"it",
"compare_url":"https://github.com/svenfuchs/test-2/compare/a...b","committed_at":"2026-03-18T10:26:24Z"},
"builds":[{"@type":"build","@href":"/v3/build/501","@representation":"minimal","id":501,"number":"12","state":"created",
"duration":null,"event_type":"api","previous_state":"passed","pull_request_title":null,"pull_request_number":null,
"started_at":null,"finished_at":null,"private":false,"priority":false}],
"owner":{"@type":"user","@href":"/v3/user/3664","@representation":"minimal","id":3664,"login":"svenfuchs"},
"created_at":"2026-03-18T10:28:00Z","event_type":"api","base_commit":null,"head_commit":null,
"messages":[%s],"config":{"language":"ruby"},"raw_configs":[]}"""
    % MESSAGE
)

PENDING = b"""{"@type":"request","id":205729,"state":"pending","result":null,"message":null,"branch_name":null,
"commit":null,"builds":[],"created_at":"2026-03-18T10:28:00Z","event_type":"api","messages":[],"config":{},
"raw_configs":[]}"""


async def status(body: bytes) -> RequestStatus:
    return await Requests(Scripted(body)).status(39521, 205729)


async def test_an_approved_request_has_its_build_commit_and_messages() -> None:
    found = await status(APPROVED)
    assert (found.accepted, found.rejected, found.build_id) == (True, False, 501)
    assert (found.builds[0].number, found.builds[0].state, found.builds[0].event_type) == ("12", State.CREATED, "api")
    assert found.commit is not None
    assert (found.commit.sha, found.branch_name, found.event_type) == ("bf944c95", "master", "api")
    (message,) = found.messages
    assert (message.level, message.code, message.key, message.source, message.line) == (
        "warn", "unknown_key", "root", ".travis.yml", 0,
    )  # fmt: skip
    assert message.args == {"key": "lnguage", "value": "ruby"}
    assert message.text == "warn: unknown_key at root (key: lnguage, value: ruby), .travis.yml line 1"


async def test_a_pending_request_is_neither_accepted_nor_rejected() -> None:
    found = await status(PENDING)
    assert (found.accepted, found.rejected, found.build_id, found.messages) == (False, False, None, ())


@pytest.mark.parametrize(
    ("result", "builds", "accepted", "rejected"),
    [
        (b'"approved"', b"[]", True, False),
        (b'"accepted"', b"[]", True, False),
        (b"null", b'[{"id":501}]', True, False),
        (b'"rejected"', b"[]", False, True),
        (b'"rejected"', b'[{"id":501}]', True, False),
        (b'"another"', b"[]", False, False),
    ],
)
async def test_a_build_or_either_word_means_accepted(
    result: bytes, builds: bytes, accepted: bool, rejected: bool
) -> None:
    found = await status(changed(changed(PENDING, "result", result), "builds", builds))
    assert (found.accepted, found.rejected) == (accepted, rejected)


def test_v2_and_v3_spell_an_acceptance_in_two_ways() -> None:
    results = ["approved", "accepted", "rejected", "", None]
    assert [is_accepted(result) for result in results] == [True, True, False, False, False]


@pytest.mark.parametrize("sample", [APPROVED, PENDING])
async def test_an_odd_field_of_a_status_leaves_all_others_intact(sample: bytes) -> None:
    plain = await status(sample)
    for field in msgspec.structs.fields(RequestStatus):
        for value in WILD:
            if field.name == "id":
                continue
            found = await status(changed(sample, field.encode_name, value))
            use(found)
            others = [one.name for one in msgspec.structs.fields(RequestStatus) if one.name != field.name]
            assert all(getattr(found, name) == getattr(plain, name) for name in others)


async def test_an_odd_field_of_a_message_leaves_the_others_intact() -> None:
    plain = (await status(APPROVED)).messages[0]
    for field in msgspec.structs.fields(RequestMessage):
        for value in WILD:
            body = APPROVED.replace(MESSAGE, changed(MESSAGE, field.encode_name, value))
            (message,) = (await status(body)).messages
            use(message)
            assert message.text.isprintable()
            others = [one.name for one in msgspec.structs.fields(RequestMessage) if one.name != field.name]
            assert all(getattr(message, name) == getattr(plain, name) for name in others)


async def test_a_status_is_a_value() -> None:
    found = await status(APPROVED)
    assert pickle.loads(pickle.dumps(found)) == found == copy.copy(found)
    assert hash(found) == hash(await status(APPROVED))
    assert found.to_dict()["messages"][0]["src"] == ".travis.yml"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (RequestMessage(), "info: message"),
        (RequestMessage(level="error", code="required"), "error: required"),
        (RequestMessage(level="alert", code="secure", source="api"), "alert: secure, api"),
        (RequestMessage(level="warn", code="\x1b[2J\u202e"), "warn: [2J"),
    ],
)
def test_a_message_is_one_printable_line(message: RequestMessage, text: str) -> None:
    assert message.text == text


def test_only_what_is_given_is_sent_in_the_nested_form() -> None:
    assert request_body() == {"request": {}}
    assert request_body(branch="main", sha="bf944c9", tag="v1", message="it", config="script: true") == {
        "request": {"branch": "main", "sha": "bf944c9", "tag_name": "v1", "message": "it", "config": "script: true"}
    }
    several: list[dict[str, object]] = [
        {"config": {"script": "true"}, "mode": "replace"},
        {"config": "os: osx", "mode": None},
    ]
    assert request_body(configs=iter(several)) == {
        "request": {"configs": [{"config": {"script": "true"}, "mode": "replace"}, {"config": "os: osx"}]}
    }
    body = request_body(config={"env": ["A=1"]}, merge_mode="deep_merge")
    assert body == {"request": {"config": {"env": ["A=1"]}, "merge_mode": "deep_merge"}}


CIRCLE: dict[str, object] = {}
CIRCLE["again"] = CIRCLE


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"branch": ""}, "branch"),
    ({"branch": 7}, "branch"),
    ({"branch": "a\x00"}, "branch"),
    ({"sha": "HEAD"}, "sha"),
    ({"sha": "bf944"}, "sha"),
    ({"sha": b"bf944c95"}, "sha"),
    ({"tag": " "}, "tag"),
    ({"message": ""}, "message"),
    ({"config": ["script"]}, "config"),
    ({"config": 5}, "config"),
    ({"config": True}, "config"),
    ({"config": b"script: true"}, "config"),
    ({"config": ""}, "config"),
    ({"config": "[1, 2]"}, "config"),
    ({"config": "\ud800"}, "config"),
    ({"config": {"a": object()}}, "config"),
    ({"config": {"a": "\ud800"}}, "config"),
    ({"config": {(1, 2): 3}}, "config"),
    ({"config": CIRCLE}, "config"),
    ({"config": {"a": [float("nan")]}}, "config"),
    ({"config": {"a": float("-inf")}}, "config"),
    ({"config": {"a": b"secret"}}, "config"),
    ({"config": {"a": {"hunter2"}}}, "config"),
    ({"config": {"a": Decimal("1.5")}}, "config"),
    ({"config": {"a": date(2026, 3, 18)}}, "config"),
    ({"config": {"a": "\x00"}}, "config"),
    ({"config": {"a": 10**5000}}, "config"),
    ({"config": {"deploy": {True: {"branch": "main"}}}}, "config"),
    ({"config": {None: 1}}, "config"),
    ({"config": {"\ud800": 1}}, "config"),
    ({"configs": [{"config": {"a": float("nan")}}]}, "configs"),
    ({"config": {}, "merge_mode": "deep"}, "merge_mode"),
    ({"config": {}, "merge_mode": ["merge"]}, "merge_mode"),
    ({"merge_mode": "merge"}, "merge_mode"),
    ({"configs": "script: true"}, "configs"),
    ({"configs": {"config": {}}}, "configs"),
    ({"configs": [{"script": "true"}]}, "configs"),
    ({"configs": [{"config": [], "mode": "merge"}]}, "configs"),
    ({"configs": [{"config": {}, "mode": "x"}]}, "configs"),
    ({"configs": [{"config": {}, "other": 1}]}, "configs"),
    ({"configs": 5}, "configs"),
    ({"config": {}, "configs": [{"config": {}}]}, "configs"),
]


@pytest.mark.parametrize(("wrong", "argument"), WRONG)
def test_wrong_arguments_are_refused_by_name(wrong: dict[str, Any], argument: str) -> None:
    with pytest.raises(errors.UsageError) as info:
        request_body(**wrong)
    assert info.value.argument == argument


def test_a_config_is_sent_as_it_was_given() -> None:
    config: Any = UserDict(
        {"python": (3.9, "3.10"), "env": MappingProxyType({"A": None, "B": True}), 8: [UserDict(os="osx")]}
    )
    sent = {"python": [3.9, "3.10"], "env": {"A": None, "B": True}, "8": [{"os": "osx"}]}
    assert request_body(config=config) == {"request": {"config": sent}}
    assert request_body(configs=[{"config": config}]) == {"request": {"configs": [{"config": sent}]}}


def test_what_a_config_cannot_hold_is_named_by_its_place() -> None:
    with pytest.raises(errors.UsageError, match=r"but config\.'env'\[1\]\.'A' is of type bytes\.") as info:
        request_body(config={"env": ["B=1", {"A": b"hunter2"}]})
    assert "hunter2" not in str(info.value)
    # What PyYAML makes of a deployment that has a condition under the key on.
    with pytest.raises(errors.UsageError, match="in YAML, put the key on in quotes"):
        request_body(config={"deploy": {True: {"branch": "main"}}})


def test_a_refused_config_is_not_quoted() -> None:
    with pytest.raises(errors.UsageError) as info:
        request_body(config=["PASSWORD=hunter2"])  # type: ignore[arg-type]
    assert "hunter2" not in str(info.value)


def test_values_of_variables_are_secrets() -> None:
    env = {"global": [{"secure": "c2VjcmV0"}, "TOKEN=abcdefgh"], "jobs": {"PASSWORD": "hunter22"}}
    found = set(config_secrets(request_body(config={"env": env, "language": "ruby"})))
    assert {"c2VjcmV0", "abcdefgh", "hunter22"} <= found
    assert "ruby" not in found
    assert "env: A=secret" in set(config_secrets(request_body(configs=[{"config": "env: A=secret"}])))


def test_messages_are_compared_by_what_they_say() -> None:
    one = msgspec.json.decode(MESSAGE, type=RequestMessage)
    spaced, other = (
        msgspec.json.decode(MESSAGE.replace(b'"lnguage","value":"ruby"', text), type=RequestMessage)
        for text in (b'"lnguage", "value": "ruby"', b'"lnguage"')
    )
    assert (one == spaced, one != spaced, hash(one) == hash(spaced)) == (True, False, True)
    assert (one == other, one != other) == (False, True)
    assert one != msgspec.structs.replace(spaced, line=7)
