"""Frames on the server's side: recording and parsing them."""

import json
from dataclasses import dataclass
from typing import cast

__all__ = ["RecordedFrame", "parse_frame", "recorded"]


@dataclass(frozen=True)
class RecordedFrame:
    """A text or binary frame that was sent or received.

    Attributes:
        incoming: Whether a client sent it.
        text: Its content; invalid UTF-8 as backslash escapes.
    """

    incoming: bool
    text: str


def recorded(frame: str | bytes, *, incoming: bool) -> RecordedFrame:
    """Return the record of a frame."""
    return RecordedFrame(incoming, frame if isinstance(frame, str) else frame.decode("utf-8", "backslashreplace"))


def parse_frame(text: str) -> tuple[str, str | None, dict[str, object]]:
    """Return event, channel and data of a client's frame.

    Raises:
        ValueError, TypeError, LookupError, RecursionError: The frame is invalid; Slanger's answer depends on which.
    """
    frame: object = json.loads(text)
    if not isinstance(frame, dict):
        raise TypeError("a frame has to be an object")
    fields = cast("dict[str, object]", frame)
    event, channel, data = fields["event"], fields.get("channel"), fields.get("data")
    if not isinstance(event, str):
        raise TypeError("the event has to be a string")
    # fact 7.2: data may be an object or JSON in a string. pysher sends an empty string with its ping.
    if isinstance(data, str) and data:
        data = json.loads(data)
    values = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    if event in {"pusher:subscribe", "pusher:unsubscribe"}:
        channel = values["channel"]
        if not isinstance(channel, str):
            raise TypeError("the channel has to be a string")
    return event, channel if isinstance(channel, str) else None, values
