"""Pusher's protocol and Slanger's dialect: what frames say, what closes demand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis.live.protocol import (
    Address,
    Established,
    Happening,
    Junk,
    Message,
    Ping,
    Pong,
    Subscribed,
    Trouble,
    Verdict,
    address_of,
    plain,
    read_frame,
    verdict,
)
from aiotravis.resources.config import PusherConfig

FRAMES: list[tuple[str, Happening]] = [
    (
        '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"8123.55021\\",\\"activity_timeout\\":120}"}',
        Established("8123.55021", 120),
    ),
    ('{"event":"pusher:connection_established","data":{"socket_id":"1.2"}}', Established("1.2", None)),
    ('{"event":"pusher:connection_established","data":{"socket_id":7,"activity_timeout":-1}}', Established("7", None)),
    ('{"event":"pusher_internal:subscription_succeeded","channel":"repo-82","data":"{}"}', Subscribed("repo-82")),
    ('{"event":"pusher_internal:subscription_succeeded","channel":"repo-82"}', Subscribed("repo-82")),
    (
        '{"event":"pusher:error","data":{"code":null,"message":"Existing subscription to repo-82"}}',
        Trouble(None, "Existing subscription to repo-82"),
    ),
    (
        '{"event":"pusher:error","data":"{\\"code\\":4001,\\"message\\":\\"Could not find app by key X\\"}"}',
        Trouble(4001, "Could not find app by key X"),
    ),
    ('{"event":"pusher:error","data":{"message":"Invalid signature"}}', Trouble(None, "Invalid signature")),
    ('{"event":"pusher:error","data":{"code":"4201","message":5}}', Trouble(4201, "")),
    ('{"event":"pusher:error","data":"a backtrace"}', Trouble(None, "a backtrace")),
    ('{"event":"pusher:error"}', Trouble(None, "")),
    ('{"event":"pusher:error","data":{"code":true,"channel":"repo-1"}}', Trouble(None, "", "repo-1")),
    (
        '{"event":"pusher:subscription_error","channel":"private-x-1","data":{"type":"AuthError","error":"No","status":401}}',
        Trouble(401, "No", "private-x-1"),
    ),
    ('{"event":"pusher:ping","data":"{}"}', Ping()),
    ('{"event":"pusher:pong","data":{}}', Pong()),
    (
        '{"event":"job:log","channel":"job-501","data":"{\\"id\\":501,\\"_log\\":\\"$ make\\\\n\\"}"}',
        Message("job:log", "job-501", '{"id":501,"_log":"$ make\\n"}'),
    ),
    ('{"event":"job:started","channel":"repo-1","data":{"id":1}}', Message("job:started", "repo-1", {"id": 1})),
    ('{"event":"odd"}', Message("odd", None, None)),
]


@pytest.mark.parametrize(("frame", "happening"), FRAMES)
def test_a_frame_says_what_happens(frame: str, happening: Happening) -> None:
    assert read_frame(frame) == happening
    assert read_frame(frame.encode()) == happening


@pytest.mark.parametrize(
    "frame",
    [
        "", "{", "[]", "null", "3", '"x"', "{}", '{"event":null}', '{"event":3}', '{"channel":"x"}', b"\xff\xfe",
        b"\x00",
        '{"event":"x","channel":5}', "[" * 100_000, '{"event":"x","data":' + "[" * 100_000, "NaN", '{"event":"\\ud800',
        '{"event":"pusher:connection_established","data":{}}', '{"event":"pusher:connection_established"}',
        '{"event":"pusher:connection_established","data":{"socket_id":true}}',
        '{"event":"pusher:connection_established","data":{"socket_id":""}}',
        '{"event":"pusher_internal:subscription_succeeded"}', '{"event":"pusher:what","data":{}}',
    ],
)  # fmt: skip
def test_nonsense_is_junk(frame: str | bytes) -> None:
    assert isinstance(read_frame(frame), Junk)


def protocol_frame(name: str, data: str) -> str:
    return f'{{"event":"pusher:{name}","data":{data}}}'


@given(st.one_of(st.text(), st.binary(), st.builds(protocol_frame, st.text(), st.text())))
def test_no_frame_raises(frame: str | bytes) -> None:
    read_frame(frame)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_undoing_the_double_encoding_never_raises(data: Any) -> None:
    if not isinstance(data, str):
        assert plain(data) is data
    else:
        plain(data)


def test_the_address_comes_from_the_configuration() -> None:
    assert address_of(PusherConfig(key="k")) == Address("k", "ws.pusherapp.com", 443, "", True)
    assert address_of(PusherConfig(key="k", scheme="http")) == Address("k", "ws.pusherapp.com", 80, "", False)
    slanger = PusherConfig(key="k", host="slanger", port=8080, path="some/where/", scheme="http")
    assert address_of(slanger) == Address("k", "slanger", 8080, "/some/where", False)


@pytest.mark.parametrize("config", [None, PusherConfig(), PusherConfig(key=""), PusherConfig(key="a/b?c")])
def test_without_a_good_key_there_is_no_address(config: PusherConfig | None) -> None:
    with pytest.raises(errors.LiveUnavailable, match="GET /config"):
        address_of(config)


@pytest.mark.parametrize(
    ("code", "trouble", "judged"),
    [
        *((code, None, Verdict.STOP) for code in (4000, 4001, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4099)),
        *((code, None, Verdict.BACK_OFF) for code in (4100, 4199, 1002, 1003, 1004)),
        *((code, None, Verdict.SOON) for code in (4200, 4201, 4202, 4299, 4301, 4302, 1000, 1001, 1005, 1006, 1011)),
        (None, None, Verdict.SOON),
        (None, Trouble(4001, ""), Verdict.STOP),
        (1000, Trouble(4007, ""), Verdict.STOP),
        (1006, Trouble(None, "backtrace"), Verdict.SOON),
        (1005, Trouble(500, "backtrace"), Verdict.SOON),
        (4200, Trouble(4001, ""), Verdict.SOON),
    ],
)
def test_a_close_is_judged_by_its_code_or_by_the_last_complaint(
    code: int | None, trouble: Trouble | None, judged: Verdict
) -> None:
    assert verdict(code, trouble) is judged
