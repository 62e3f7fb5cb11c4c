"""Frames that a server of the live channel saw, and how it reads them."""

import json
from dataclasses import dataclass
from typing import cast

__all__ = ["Frame", "seen", "understood"]


@dataclass(frozen=True)
class Frame:
    """A frame that was seen.

    Attributes:
        incoming: Whether a client sent it.
        text: What it said; bytes that are no UTF-8 as backslash escapes.
    """

    incoming: bool
    text: str


def seen(frame: str | bytes, *, incoming: bool) -> Frame:
    """Take note of a frame."""
    return Frame(incoming, frame if isinstance(frame, str) else frame.decode("utf-8", "backslashreplace"))


def understood(text: str) -> tuple[str, str | None, dict[str, object]]:
    """Give event, channel and data of a frame; the data may be an object or a JSON string of one.

    Raises:
        ValueError, TypeError, LookupError, RecursionError: It is no frame; which of them tells Slanger what to answer.
    """
    frame: object = json.loads(text)
    if not isinstance(frame, dict):
        raise TypeError("a frame has to be an object")
    fields = cast("dict[str, object]", frame)
    event, channel, data = fields["event"], fields.get("channel"), fields.get("data")
    if not isinstance(event, str):
        raise TypeError("the event has to be a string")
    if isinstance(data, str) and data:  # pysher's ping carries an empty string
        data = json.loads(data)
    given = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    if event in {"pusher:subscribe", "pusher:unsubscribe"}:
        channel = given["channel"]
        if not isinstance(channel, str):
            raise TypeError("the channel has to be a string")
    return event, channel if isinstance(channel, str) else None, given
