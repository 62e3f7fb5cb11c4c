"""Frames and close codes of the Pusher protocol, in Slanger's dialect, too."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis.live.protocol import (
    Address,
    CloseAction,
    ErrorFrame,
    Established,
    InvalidFrame,
    Message,
    Ping,
    Pong,
    ServerMessage,
    Subscribed,
    address_from_config,
    close_action,
    decode_data,
    ends_connection,
    read_frame,
)
from aiotravis.resources.config import PusherConfig

ESTABLISHED = Established("1.2", None)

FRAMES: list[tuple[str, ServerMessage]] = [
    (
        '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"8123.55021\\",\\"activity_timeout\\":120}"}',
        Established("8123.55021", 120),
    ),
    ('{"event":"pusher:connection_established","data":{"socket_id":"1.2"}}', Established("1.2", None)),
    ('{"event":"pusher:connection_established","data":{"socket_id":7,"activity_timeout":-1}}', Established("7", None)),
    (
        '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.2\\",\\"activity_timeout\\":30}"}',
        Established("1.2", 30),
    ),
    *(
        (
            f'{{"event":"pusher:connection_established","data":{{"socket_id":"1.2","activity_timeout":{odd}}}}}',
            ESTABLISHED,
        )
        for odd in ("null", "0", "true", '"120"', "[]", "{}", "-0.0")
    ),
    ('{"event":"pusher_internal:subscription_succeeded","channel":"repo-82","data":"{}"}', Subscribed("repo-82")),
    ('{"event":"pusher_internal:subscription_succeeded","channel":"repo-82"}', Subscribed("repo-82")),
    (
        '{"event":"pusher:error","data":{"code":null,"message":"Existing subscription to repo-82"}}',
        ErrorFrame(None, "Existing subscription to repo-82"),
    ),
    (
        '{"event":"pusher:error","data":"{\\"code\\":4001,\\"message\\":\\"Could not find app by key X\\"}"}',
        ErrorFrame(4001, "Could not find app by key X"),
    ),
    ('{"event":"pusher:error","data":{"message":"Invalid signature"}}', ErrorFrame(None, "Invalid signature")),
    (
        '{"event":"pusher:error","data":"{\\"code\\":500,\\"message\\":\\"undefined x\\\\n api.rb:7\\"}"}',
        ErrorFrame(500, "undefined x\n api.rb:7"),
    ),
    (
        '{"event":"pusher:error","data":"{\\"message\\":\\"Invalid signature\\"}"}',
        ErrorFrame(None, "Invalid signature"),
    ),
    ('{"event":"pusher:error","data":"{\\"code\\":null,\\"message\\":null}"}', ErrorFrame(None, "")),
    ('{"event":"pusher:error","data":{"code":"a word"}}', ErrorFrame(None, "")),
    ('{"event":"pusher:error","data":{"code":4001.5}}', ErrorFrame(None, "")),
    ('{"event":"pusher:error","data":["a list"]}', ErrorFrame(None, "")),
    ('{"event":"pusher:error","data":{"channel":7}}', ErrorFrame(None, "")),
    ('{"event":"pusher:error","channel":"repo-2","data":{"channel":"repo-1"}}', ErrorFrame(None, "", "repo-2")),
    ('{"event":"pusher:error","data":{"code":"4201","message":5}}', ErrorFrame(4201, "")),
    ('{"event":"pusher:error","data":"a backtrace"}', ErrorFrame(None, "a backtrace")),
    ('{"event":"pusher:error"}', ErrorFrame(None, "")),
    ('{"event":"pusher:error","data":{"code":true,"channel":"repo-1"}}', ErrorFrame(None, "", "repo-1")),
    (
        '{"event":"pusher:subscription_error","channel":"private-x-1","data":{"type":"AuthError","error":"No","status":401}}',
        ErrorFrame(401, "No", "private-x-1", of_subscription=True),
    ),
    ('{"event":"pusher:ping","data":"{}"}', Ping()),
    ('{"event":"pusher:ping"}', Ping()),
    ('{"event":"pusher:pong","data":{}}', Pong()),
    ('{"event":"pusher:pong","data":"{}"}', Pong()),
    ('{"data":{"a":1},"time":3,"event":"x","channel":null}', Message(event="x", channel=None, data={"a": 1})),
    ('{"event":"x","data":18446744073709551616}', Message(event="x", channel=None, data=1 << 64)),
    (
        '{"event":"job:log","channel":"job-501","data":"{\\"id\\":501,\\"_log\\":\\"$ make\\\\n\\"}"}',
        Message(event="job:log", channel="job-501", data='{"id":501,"_log":"$ make\\n"}'),
    ),
    (
        '{"event":"job:started","channel":"repo-1","data":{"id":1}}',
        Message(event="job:started", channel="repo-1", data={"id": 1}),
    ),
    ('{"event":"odd"}', Message(event="odd", channel=None, data=None)),
]


@pytest.mark.parametrize(("frame", "message"), FRAMES)
def test_read_frame_returns_the_message_of_a_frame(frame: str, message: ServerMessage) -> None:
    assert read_frame(frame) == message
    assert read_frame(frame.encode()) == message


@pytest.mark.parametrize(
    "frame",
    [
        "", "{", "[]", "null", "3", '"x"', "{}", '{"event":null}', '{"event":3}', '{"channel":"x"}', b"\xff\xfe",
        b"\x00",
        '{"event":"x","channel":5}', "[" * 100_000, '{"event":"x","data":' + "[" * 100_000, "NaN", '{"event":"\\ud800',
        '{"event":"pusher:connection_established","data":{}}', '{"event":"pusher:connection_established"}',
        '{"event":"pusher:connection_established","data":{"socket_id":true}}',
        '{"event":"pusher:connection_established","data":{"socket_id":""}}',
        '{"event":"pusher:connection_established","data":{"socket_id":null}}',
        '{"event":"pusher:connection_established","data":{"socket_id":" \\n"}}',
        '{"event":"pusher:connection_established","data":{"socket_id":"1.2\\u0000"}}',
        '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"\\\\u0000\\"}"}',
        '{"event":"pusher:connection_established","data":{"socket_id":1.5}}',
        '{"event":"pusher:connection_established","data":{"socket_id":["1.2"]}}',
        '{"event":"pusher:connection_established","data":"no JSON"}',
        '{"event":"pusher:connection_established","data":[]}',
        b'\xef\xbb\xbf{"event":"x"}', '{"event":"x","data":NaN', '{"event":"x","data":nan}', '{"event":NaN}',
        '{"event":"x"}{"event":"y"}', '{"event":"x",}', '{"event":"x" /* odd */}', '{"event":"x","data":"\x00"}',
        '{"event":"pusher_internal:subscription_succeeded","channel":""}',
        '{"event":"pusher_internal:subscription_succeeded"}', '{"event":"pusher:what","data":{}}',
    ],
)  # fmt: skip
def test_a_frame_outside_the_protocol_is_invalid(frame: str | bytes) -> None:
    assert isinstance(read_frame(frame), InvalidFrame)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"NaN", None), (b"-Infinity", None), (b"1e400", math.inf), (b"9" * 5000, "9" * 5000),
        (b'"\\ud800"', "\ufffd"), (b'"\xff"', "\ufffd"), (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b'{"a":"\\ud800","b":1}', {"a": "\ufffd", "b": 1}),
        (b'{"a":[1e400,-1e400,2]}', {"a": [math.inf, -math.inf, 2]}),
        (b'{"a":NaN,"b":"NaN \\" Infinity"}', {"a": None, "b": 'NaN " Infinity'}),
        (b'["\\\\",Infinity,"NaN"]', ["\\", None, "NaN"]),
    ],
)  # fmt: skip
def test_a_value_in_the_data_that_is_no_json_leaves_the_rest_of_the_frame(data: bytes, value: object) -> None:
    frame = b'{"event":"x","channel":"repo-1","data":%s}' % data
    message = read_frame(frame)
    assert isinstance(message, Message)
    assert (message.event, message.channel, decode_data(message.data)) == ("x", "repo-1", value)


def protocol_frame(name: str, data: str) -> str:
    return f'{{"event":"pusher:{name}","data":{data}}}'


@given(st.one_of(st.text(), st.binary(), st.builds(protocol_frame, st.text(), st.text())))
def test_no_frame_raises(frame: str | bytes) -> None:
    read_frame(frame)


FRAMES_AS_BYTES = [frame.encode() for frame, _ in FRAMES]


@given(
    st.sampled_from(FRAMES_AS_BYTES), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=3)))
)
def test_no_damaged_frame_raises(frame: bytes, damages: list[tuple[int, int, bytes]]) -> None:
    for place, length, instead in damages:
        frame = frame[:place] + instead + frame[place + length :]
    read_frame(frame)
    read_frame(frame.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    "value", ["9" * 400, "-" + "9" * 400, "1e308", '"' + "9" * 4000 + '"', '"\\u0000"', '"١٢"', "[[{}]]", '{"a":{}}']
)
@pytest.mark.parametrize("key", ["socket_id", "activity_timeout", "code", "status", "message", "error", "channel"])
def test_no_value_in_a_protocol_event_raises(key: str, value: str) -> None:
    data = f'{{"socket_id":"1.2","{key}":{value}}}'
    for name in ("connection_established", "error", "subscription_error"):
        read_frame(protocol_frame(name, data))
        read_frame(protocol_frame(name, json.dumps(data)))


@pytest.mark.parametrize("key", ["code", "status"])
def test_a_code_of_five_thousand_digits_does_not_raise(key: str) -> None:
    message = read_frame(protocol_frame("error", f'{{"{key}":"{"9" * 5000}"}}'))
    assert isinstance(message, ErrorFrame | InvalidFrame)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_decode_data_never_raises(data: Any) -> None:
    if not isinstance(data, str):
        assert decode_data(data) is data
    else:
        decode_data(data)


def test_the_address_is_read_from_the_configuration() -> None:
    assert address_from_config(PusherConfig(key="k")) == Address("k", "ws.pusherapp.com", 443, "", True)
    assert address_from_config(PusherConfig(key="k", scheme="http")) == Address("k", "ws.pusherapp.com", 80, "", False)
    slanger = PusherConfig(key="k", host="slanger", port=8080, path="some/where/", scheme="http")
    assert address_from_config(slanger) == Address("k", "slanger", 8080, "/some/where", False)


@pytest.mark.parametrize(("path", "expected"), [(None, ""), ("", ""), ("/", ""), ("a", "/a"), ("/a/b/", "/a/b")])
def test_a_path_has_one_leading_slash_or_is_empty(path: str | None, expected: str) -> None:
    assert address_from_config(PusherConfig(key="k", path=path)).path == expected


@pytest.mark.parametrize(
    ("scheme", "tls", "port"),
    [
        (None, True, 443),
        ("https", True, 443),
        ("ws", True, 443),
        ("", True, 443),
        ("http", False, 80),
        ("HTTP", False, 80),
    ],
)
def test_the_scheme_selects_tls_and_the_default_port(scheme: str | None, tls: bool, port: int) -> None:
    for given_port, expected in ((None, port), (0, port), (-1, port), (65536, port), (10**30, port), (6001, 6001)):
        address = address_from_config(PusherConfig(key="k", host="h", port=given_port, scheme=scheme))
        assert (address.tls, address.port) == (tls, expected)


@pytest.mark.parametrize("config", [None, PusherConfig(), PusherConfig(key=""), PusherConfig(key="a/b?c")])
def test_a_missing_or_invalid_key_raises_live_unavailable(config: PusherConfig | None) -> None:
    with pytest.raises(errors.LiveUnavailable, match="GET /config"):
        address_from_config(config)


@pytest.mark.parametrize(
    "host",
    [
        "\x1b[2Jx", "\u202etest", "a b", "a\tb", "a\x00", "x/y", "x?y", "x#y", "x\\y", "user:pass@127.0.0.1", "http://h",
        "h:8080", "127.0.0.1:80", "[::1", "::1]", "[h]", "[127.0.0.1]", "[]", "[", "1:2", "fe80::1%a\x1b", "::1%a/b",
        "a" * 254, "h%00", "<h>", "*",
    ],
)  # fmt: skip
def test_a_host_that_cannot_be_part_of_a_url_raises_live_unavailable(host: str) -> None:
    with pytest.raises(errors.LiveUnavailable, match=r"GET /config .* host") as info:
        address_from_config(PusherConfig(key="k", host=host))
    assert host not in str(info.value) or host in "[]*"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, "ws.pusherapp.com"), ("", "ws.pusherapp.com"), (" \n", "ws.pusherapp.com"), (" h ", "h"), ("h.", "h."),
        ("ws-eu.pusher.com", "ws-eu.pusher.com"), ("a_b", "a_b"), ("bücher.example", "bücher.example"),
        ("127.0.0.1", "127.0.0.1"), ("[::1]", "[::1]"), ("fe80::1%eth0", "[fe80::1%eth0]"),
    ],
)  # fmt: skip
def test_a_host_is_read_as_configurations_have_it(host: str | None, expected: str) -> None:
    assert address_from_config(PusherConfig(key="k", host=host)).host == expected


@pytest.mark.parametrize(
    ("code", "error", "action"),
    [
        *((code, None, CloseAction.STOP) for code in (4001, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4099)),
        (4000, None, CloseAction.USE_TLS),
        *((code, None, CloseAction.BACK_OFF) for code in (4100, 4199, 1002, 1003, 1004)),
        *(
            (code, None, CloseAction.RECONNECT)
            for code in (4200, 4201, 4202, 4299, 4301, 4302, 1000, 1001, 1005, 1006, 1011)
        ),
        (None, None, CloseAction.RECONNECT),
        (None, ErrorFrame(4001, ""), CloseAction.STOP),
        (1000, ErrorFrame(4007, ""), CloseAction.STOP),
        (1006, ErrorFrame(None, "backtrace"), CloseAction.RECONNECT),
        (1005, ErrorFrame(500, "backtrace"), CloseAction.RECONNECT),
        (4200, ErrorFrame(4001, ""), CloseAction.RECONNECT),
    ],
)
def test_close_action_follows_the_code_or_the_last_error(
    code: int | None, error: ErrorFrame | None, action: CloseAction
) -> None:
    assert close_action(code, error) is action


def test_an_error_about_one_channel_does_not_decide_the_close_action() -> None:
    assert close_action(1006, ErrorFrame(4009, "The channel name is too long", "private-x")) is CloseAction.RECONNECT


@pytest.mark.parametrize(
    ("host", "in_url"),
    [
        ("::1", "[::1]"), ("2001:db8::8", "[2001:db8::8]"), ("::ffff:127.0.0.1", "[::ffff:127.0.0.1]"),
        ("fe80::1%eth0", "[fe80::1%eth0]"), ("[::1]", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("a.example", "a.example"),
    ],
)  # fmt: skip
def test_an_ipv6_address_stands_in_brackets(host: str, in_url: str) -> None:
    assert address_from_config(PusherConfig(key="k", host=host)).host == in_url


@pytest.mark.parametrize("code", [4000, 4001, 4100, 4200])
def test_an_error_of_a_subscription_neither_ends_a_connection_nor_explains_its_end(code: int) -> None:
    error = ErrorFrame(code, "no", of_subscription=True)
    assert not ends_connection(error)
    assert close_action(None, error) is CloseAction.RECONNECT
