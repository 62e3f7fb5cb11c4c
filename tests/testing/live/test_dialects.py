"""The dialects, each frame to the byte."""

import json
import os

import pytest

from aiotravis.testing.live.dialects import (
    DialectRules,
    PusherRules,
    SlangerRules,
    SoketiRules,
    dialect_rules,
    event_frame,
)

PUSHER, SLANGER, SOKETI = dialect_rules("pusher"), dialect_rules("slanger"), dialect_rules("soketi")


def test_each_dialect_has_its_rules() -> None:
    assert [type(one) for one in (PUSHER, SLANGER, SOKETI)] == [PusherRules, SlangerRules, SoketiRules]


def test_a_frame_omits_data_and_channel_that_are_none() -> None:
    assert event_frame("job:log", "{}", "job-1") == '{"event":"job:log","channel":"job-1","data":"{}"}'
    assert event_frame("pusher:pong", {}) == '{"event":"pusher:pong","data":{}}'
    assert event_frame("pusher:pong", None) == '{"event":"pusher:pong"}'


@pytest.mark.parametrize(
    ("rules", "protocol", "code"),
    [
        (PUSHER, None, 4008),
        (PUSHER, "", 4008),
        (PUSHER, "seven", 4006),
        (PUSHER, "7.0", 4006),
        (PUSHER, "-7", 4006),
        (PUSHER, "1", 4007),
        (PUSHER, "3", 4007),
        (PUSHER, "4", None),
        (PUSHER, "7", None),
        (PUSHER, "8", 4007),
        (PUSHER, "7" * 5000, 4007),
        (SLANGER, None, 4007),
        (SLANGER, "", 4007),
        (SLANGER, "seven", 4007),
        (SLANGER, "2", 4007),
        (SLANGER, "3", None),
        (SLANGER, "7", None),
        (SLANGER, "8", 4007),
        (SOKETI, None, None),
        (SOKETI, "3", None),
        (SOKETI, "seven", None),
    ],
)
def test_unsupported_protocol_versions_have_their_codes(rules: DialectRules, protocol: str, code: int | None) -> None:
    refusal = rules.protocol_error(protocol)
    assert (refusal[0] if refusal else None) == code


def test_pusher_announces_the_activity_timeout_to_protocol_7_only() -> None:
    assert [PUSHER.activity_timeout(protocol, 45) for protocol in "4567"] == [None, None, None, 45]
    for rules in (SLANGER, SOKETI):
        assert [rules.activity_timeout(protocol, 45) for protocol in "34567"] == [45] * 5


def test_each_dialect_has_its_default_activity_timeout() -> None:
    assert [rules.activity_timeout("7", None) for rules in (PUSHER, SLANGER, SOKETI)] == [120, 120, 30]
    assert [rules.activity_timeout("7", 0) for rules in (PUSHER, SLANGER, SOKETI)] == [None, 120, None]


@pytest.mark.parametrize(
    ("path", "key", "second"),
    [("/app/5df8", "5df8", "5df8"), ("/app/ab-cd", "ab-cd", "ab"), ("/app/ä", "ä", ""), ("/app/", "", "")],
)
def test_slanger_reads_the_key_from_the_second_word_of_the_path(path: str, key: str, second: str) -> None:
    assert [rules.key_from_path(path) for rules in (PUSHER, SOKETI, SLANGER)] == [key, key, second]


def test_a_socket_id_is_two_numbers_on_slanger_with_the_process_id() -> None:
    assert [PUSHER.socket_id(number) for number in (1, 2)] == ["8123.55021", "8123.55022"]
    names = [SLANGER.socket_id(1).split(".") for _ in range(2)]
    assert names[0] != names[1]
    assert all(process == str(os.getpid()) and number.isdecimal() for process, number in names)


def test_the_data_of_the_first_frame_is_json_in_a_string() -> None:
    for rules in (PUSHER, SLANGER, SOKETI):
        told = '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.2\\"}"}'
        assert rules.connection_established("1.2", None) == told
        assert json.loads(json.loads(rules.connection_established("1.2", 30))["data"]) == {
            "socket_id": "1.2",
            "activity_timeout": 30,
        }


def test_the_data_of_an_error_is_a_string_on_slanger_only() -> None:
    for rules in (PUSHER, SOKETI):
        assert rules.error(4001, "No") == '{"event":"pusher:error","data":{"code":4001,"message":"No"}}'
    told = '{"event":"pusher:error","data":"{\\"code\\":null,\\"message\\":\\"No\\"}"}'
    assert SLANGER.error(None, "No") == told


def test_pusher_closes_with_a_code_slanger_with_an_error_soketi_with_both() -> None:
    assert PUSHER.closing(4200, "Go") == (None, 4200)
    assert SLANGER.closing(4200, "Go") == (SLANGER.error(4200, "Go"), None)
    assert SOKETI.closing(4200, "Go") == (SOKETI.error(4200, "Go"), 4200)
    assert [rules.closing(1001, "Go") for rules in (PUSHER, SLANGER, SOKETI)] == [(None, 1001)] * 3


def test_only_pusher_pings_with_an_event() -> None:
    assert [rules.ping() for rules in (PUSHER, SLANGER, SOKETI)] == [
        '{"event":"pusher:ping","data":"{}"}',
        None,
        None,
    ]


def test_pongs_and_confirmations_differ() -> None:
    assert PUSHER.pong() == SOKETI.pong() == '{"event":"pusher:pong","data":{}}'
    assert SLANGER.pong() == '{"event":"pusher:pong","data":"{}"}'
    confirmation = '{"event":"pusher_internal:subscription_succeeded","channel":"repo-1"'
    assert SOKETI.subscription_succeeded("repo-1") == confirmation + "}"
    assert (
        PUSHER.subscription_succeeded("repo-1")
        == SLANGER.subscription_succeeded("repo-1")
        == confirmation + ',"data":"{}"}'
    )


def test_only_slanger_sends_object_data_as_an_object() -> None:
    assert [rules.event_data({"id": 1}) for rules in (PUSHER, SLANGER, SOKETI)] == ['{"id":1}', {"id": 1}, '{"id":1}']
    assert [rules.event_data('{"id": 1}') for rules in (PUSHER, SLANGER, SOKETI)] == ['{"id": 1}'] * 3


def test_slanger_answers_an_invalid_signature_without_code_and_channel() -> None:
    data = {"type": "AuthError", "error": "The connection is unauthorized.", "status": 401}
    assert json.loads(PUSHER.invalid_signature("1.2", "private-x", "k:s")) == {
        "event": "pusher:subscription_error",
        "channel": "private-x",
        "data": data,
    }
    frame = json.loads(SLANGER.invalid_signature("1.2", "private-x", "k:s"))
    assert sorted(frame) == ["data", "event"]
    message = "Invalid signature: Expected HMAC SHA256 hex digest of 1.2:private-x, but got k:s"
    assert json.loads(frame["data"]) == {"message": message}


def test_slanger_answers_5001_to_invalid_json_and_500_to_other_errors() -> None:
    with pytest.raises(json.JSONDecodeError) as bad_json:
        json.loads("{")
    with pytest.raises(KeyError) as trouble:
        json.loads("{}")["event"]
    assert [json.loads(PUSHER.invalid_frame(info.value))["data"]["code"] for info in (bad_json, trouble)] == [
        None,
        None,
    ]
    answers = [json.loads(json.loads(SLANGER.invalid_frame(info.value))["data"]) for info in (bad_json, trouble)]
    assert [answer["code"] for answer in answers] == [5001, 500]
    assert "Traceback" in answers[1]["message"]


def test_client_events_are_an_error_except_on_slanger() -> None:
    error = '{"event":"pusher:error",%s"data":{"code":4301,"message":"Client event rejected"}}'
    assert PUSHER.client_event("repo-1") == error % ""
    assert SOKETI.client_event("repo-1") == error % '"channel":"repo-1",'
    assert SOKETI.client_event(None) == error % ""
    assert SLANGER.client_event("repo-1") is None
