"""Requests and responses as data, and the error that a response means. No I/O."""

from aiotravis._http.endpoint import ACCEPT_TEXT, Endpoint, Part
from aiotravis._http.messages import ApiRequest, ApiResponse, Sink, Transport
from aiotravis._http.response_errors import error_from_response, raise_for_status
from aiotravis._http.results import Results, Unreadable, results_of, unreadable_of

__all__ = [
    "ACCEPT_TEXT",
    "ApiRequest",
    "ApiResponse",
    "Endpoint",
    "Part",
    "Results",
    "Sink",
    "Transport",
    "Unreadable",
    "error_from_response",
    "raise_for_status",
    "results_of",
    "unreadable_of",
]
