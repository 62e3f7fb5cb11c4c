"""The conversation as data: what is asked, what came back, what that means. No I/O."""

from aiotravis._http.endpoint import ACCEPT_TEXT, Endpoint, Part
from aiotravis._http.in_steps import Steps, takes_long, text_of
from aiotravis._http.judging import check, judge
from aiotravis._http.messages import Call, Reply, Sink, Transport

__all__ = [
    "ACCEPT_TEXT",
    "Call",
    "Endpoint",
    "Part",
    "Reply",
    "Sink",
    "Steps",
    "Transport",
    "check",
    "judge",
    "takes_long",
    "text_of",
]
