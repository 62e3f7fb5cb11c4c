"""Recording and parsing frames on the server's side."""

import pytest

from aiotravis.testing import RecordedFrame
from aiotravis.testing.live.frames import parse_frame, recorded


@pytest.mark.parametrize(
    ("text", "event", "channel", "data"),
    [
        ('{"event":"pusher:ping"}', "pusher:ping", None, {}),
        ('{"event":"pusher:ping","data":""}', "pusher:ping", None, {}),
        ('{"event":"pusher:ping","data":"{}"}', "pusher:ping", None, {}),
        ('{"event":"pusher:ping","data":[]}', "pusher:ping", None, {}),
        ('{"event":"pusher:subscribe","data":{"channel":"a"}}', "pusher:subscribe", "a", {"channel": "a"}),
        ('{"event":"pusher:subscribe","data":"{\\"channel\\":\\"a\\"}"}', "pusher:subscribe", "a", {"channel": "a"}),
        ('{"event":"client-x","channel":"private-a","data":{"b":1}}', "client-x", "private-a", {"b": 1}),
        ('{"event":"client-x","channel":3}', "client-x", None, {}),
    ],
)
def test_data_may_be_an_object_or_json_in_a_string(text: str, event: str, channel: str | None, data: object) -> None:
    assert parse_frame(text) == (event, channel, data)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", ValueError),
        ("[]", TypeError),
        ("{}", LookupError),
        ('{"event":3}', TypeError),
        ('{"event":"x","data":"{"}', ValueError),
        ('{"event":"pusher:subscribe","data":{}}', LookupError),
        ('{"event":"pusher:unsubscribe","data":{"channel":3}}', TypeError),
        ("[" * 100_000, RecursionError),
    ],
)
def test_an_invalid_frame_raises_the_error_of_its_kind(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_frame(text)


def test_invalid_utf8_is_recorded_as_text() -> None:
    assert recorded(b"a\xff", incoming=True) == RecordedFrame(True, "a\\xff")
    assert recorded("ä", incoming=False) == RecordedFrame(False, "ä")
