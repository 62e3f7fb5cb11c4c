"""The conversation as data: what is asked, what came back, what that means. No I/O."""

from aiotravis._http.endpoint import ACCEPT_TEXT, Endpoint, Part
from aiotravis._http.in_steps import Steps, takes_long, text_of
from aiotravis._http.messages import ApiRequest, ApiResponse, Sink, Transport
from aiotravis._http.response_errors import error_from_response, raise_for_status

__all__ = [
    "ACCEPT_TEXT",
    "ApiRequest",
    "ApiResponse",
    "Endpoint",
    "Part",
    "Sink",
    "Steps",
    "Transport",
    "error_from_response",
    "raise_for_status",
    "takes_long",
    "text_of",
]
