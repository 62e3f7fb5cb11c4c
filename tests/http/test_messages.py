"""Requests and answers as data."""

import copy
import pickle

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from aiotravis._http import ApiRequest, ApiResponse
from tests.samples import JSON


def test_a_request_shows_its_query_without_secrets() -> None:
    request = ApiRequest("GET", "/logout", (("access_token", "t0ken"), ("ids[]", "1"), ("a", "b c")))
    assert request.target == "/logout?access_token=t0ken&ids%5B%5D=1&a=b+c"
    assert request.safe_target == "/logout?access_token=...&ids[]=1&a=b+c"
    assert request.secrets == ("t0ken",)
    assert "t0ken" not in repr(request)
    assert ApiRequest("GET", "/x").target == ApiRequest("GET", "/x").safe_target == "/x"


@pytest.mark.parametrize(("method", "reads"), [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False)])
def test_only_get_and_head_are_reads(method: str, reads: bool) -> None:
    assert ApiRequest(method, "/x").reads is reads
    assert not ApiRequest(method, "/logout").reads


def test_an_excerpt_is_short_printable_and_without_secrets() -> None:
    response = ApiResponse(500, {}, b"a\x1b[31m\r\nb\xff t0ken " + b"x" * 1000, secrets=("t0ken",))
    assert response.excerpt.startswith("a [31m b\N{REPLACEMENT CHARACTER} [token] xxx")
    assert len(response.excerpt) == 303
    assert "t0ken" not in repr(ApiResponse(200, {}, b"", secrets=("t0ken",)))


def test_the_content_type_has_no_parameters_and_is_lower_case() -> None:
    assert ApiResponse(200, {"content-type": "Application/JSON; charset=utf-8"}, b"").content_type == "application/json"
    assert ApiResponse(200, {}, b"").content_type == ""


@pytest.mark.parametrize(("body", "value"), [(b'{"a":1}', {"a": 1}), (b"", None), (b"\xff", None), (b"OK", None)])
def test_json_of_a_body_that_is_not_json_is_none(body: bytes, value: object) -> None:
    assert ApiResponse(200, {}, body).json == value


def test_the_longest_secret_is_redacted_first() -> None:
    for spaces in (290, 1190, 2390):
        assert "sec" not in ApiResponse(500, {}, b" " * spaces + b"secrettoken", secrets=("secrettoken",)).excerpt
    assert ApiResponse(500, {}, b"abcdef", secrets=("abc", "abcdef")).excerpt == "[token]"


def test_json_of_any_length_is_decoded_but_error_json_is_limited() -> None:
    body = b'{"log":"%b","token":"t0ken"}' % (b"x" * 300_000)
    response = ApiResponse(200, {}, body, secrets=("t0ken",))
    assert response.json == {"log": "x" * 300_000, "token": "[token]"}
    assert response.error_json is None
    assert ApiResponse(409, {}, b'{"error":"t0ken"}', secrets=("t0ken",)).error_json == {"error": "[token]"}


def test_json_with_half_a_surrogate_is_json() -> None:
    assert ApiResponse(200, JSON, b'{"a":"\\ud800"}').json == {"a": "\ufffd"}
    assert ApiResponse(200, JSON, b'{"a":"caf\xe9"}').json == {"a": "caf\ufffd"}
    assert ApiResponse(200, JSON, b"OK").json is None


@pytest.mark.parametrize(
    "message",
    [
        ApiRequest("GET", "/x", (("access_token", "t0ken"),), (("Cookie", "t0ken"),), b"t0ken", hidden=("t0ken",)),
        ApiResponse(200, {"x-echo": "t0ken", "content-type": "t0ken"}, b"t0ken", secrets=("t0ken",)),
    ],
)
def test_nothing_that_shows_a_message_shows_its_secrets(message: ApiRequest | ApiResponse) -> None:
    # Rich, a library that prints values in a terminal, asks structs for all their fields.
    shown = (repr(message), str(message), f"{message}", repr(list(message.__rich_repr__())))
    assert "t0ken" not in "".join(shown)


def test_a_response_with_the_headers_of_aiohttp_can_be_copied_and_pickled() -> None:
    headers = CIMultiDictProxy(CIMultiDict([("Content-Type", "text/plain"), ("X-Twice", "1"), ("X-Twice", "2")]))
    response = ApiResponse(200, headers, b"x", secrets=("t0ken",))
    for made in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response)):
        assert dict(made.headers) == dict(headers)
        assert (made.status, made.body, made.secrets, made.received_at) == (200, b"x", ("t0ken",), response.received_at)
        assert made.content_type == response.content_type == "text/plain"
