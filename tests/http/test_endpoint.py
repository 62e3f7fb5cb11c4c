"""Routes: how to ask, how to read the answer."""

from types import NoneType

import msgspec
import pytest

from aiotravis import errors
from aiotravis._http import ApiResponse, Endpoint
from tests.samples import HTML, JSON, TEXT


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    active: bool | None = None


ENDPOINT = Endpoint("POST", "/repos/{repo}/things/{name}", Answer)


def test_path_parameters_are_quoted_and_slugs_keep_their_slash() -> None:
    request = ENDPOINT.request(
        repo=("a", "b c"), name="x/y?z", query=[("q", "1")], headers=[("X", "y")], accept="text/plain"
    )
    assert request.path == "/repos/a/b%20c/things/x%2Fy%3Fz"
    assert (request.query, request.headers, request.accept) == ((("q", "1"),), (("X", "y"),), "text/plain")
    assert ENDPOINT.parameters == ("repo", "name")
    assert repr(ENDPOINT) == "Endpoint(POST /repos/{repo}/things/{name})"


def test_a_json_value_becomes_the_body_with_its_content_type() -> None:
    request = ENDPOINT.request(repo=1, name=2, json={"a": None})
    assert (request.body, request.headers) == (b'{"a":null}', (("Content-Type", "application/json"),))
    assert ENDPOINT.request(repo=1, name=2).body is None


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"number":7,"unheard":[1]}', Answer(number=7)),
        (b'{"number":"7","active":"true"}', Answer(number=7, active=True)),
        (b'{"number":7,"active":null}', Answer(number=7)),
    ],
)
def test_decoding_is_lax_about_types_and_ignores_unknown_fields(body: bytes, answer: Answer) -> None:
    assert ENDPOINT.read(ENDPOINT.request(repo=1, name=2), ApiResponse(200, JSON, body)) == answer


def test_text_and_bytes_are_returned_unchanged() -> None:
    response = ApiResponse(200, JSON, b"OK\xff")
    for kind, value in ((str, "OK\N{REPLACEMENT CHARACTER}"), (bytes, b"OK\xff"), (NoneType, None)):
        endpoint: Endpoint[object] = Endpoint("GET", "/x", kind)
        assert endpoint.read(endpoint.request(), response) == value


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (ApiResponse(200, JSON, b""), "with an empty body"),
        (ApiResponse(200, HTML, b"<!DOCTYPE html>"), "with a web page, not JSON. Is the endpoint"),
        (ApiResponse(200, JSON, b"  <html>"), "with a web page, not JSON"),
        (ApiResponse(200, TEXT, b"OK"), "with something that is not JSON (text/plain): 'OK'"),
        (ApiResponse(200, {}, b"OK"), "with something that is not JSON (no content type): 'OK'"),
        (ApiResponse(200, JSON, b'{"number":"x"}'), "with JSON in an unknown shape"),
        (ApiResponse(200, JSON, b"\xff\xfe"), "with something that is not JSON"),
    ],
)
def test_a_decode_error_names_the_request(response: ApiResponse, told: str) -> None:
    with pytest.raises(errors.DecodeError) as info:
        ENDPOINT.read(ENDPOINT.request(repo=1, name="n"), response)
    assert str(info.value).startswith("POST /repos/1/things/n answered 200 ")
    assert told in str(info.value)
    assert (info.value.status, info.value.method, info.value.path) == (200, "POST", "/repos/1/things/n")


def test_a_refusal_raises_its_error() -> None:
    with pytest.raises(errors.NotFoundError):
        ENDPOINT.read(ENDPOINT.request(repo=1, name="n"), ApiResponse(404, JSON, b""))


@pytest.mark.parametrize("body", [b"the t0ken", b'{"number":"t0ken"}', b"<html>t0ken", b'["t0ken"]'])
def test_a_decode_error_repeats_no_secret(body: bytes) -> None:
    endpoint = Endpoint("GET", "/x", Answer)
    with pytest.raises(errors.DecodeError) as info:
        endpoint.read(
            endpoint.request(query=[("access_token", "t0ken")]), ApiResponse(200, JSON, body, secrets=("t0ken",))
        )
    assert info.value.path == "/x?access_token=..."
    assert "[token]" in info.value.excerpt
    assert "t0ken" not in str(info.value) + repr(info.value) + info.value.excerpt


def test_a_decode_error_names_the_field() -> None:
    with pytest.raises(errors.DecodeError, match=r"unknown shape \(Expected `int`, got `array` - at `\$\.number`\)"):
        ENDPOINT.read(ENDPOINT.request(repo=1, name="n"), ApiResponse(200, JSON, b'{"number":[]}'))


def test_json_nested_too_deeply_is_a_decode_error() -> None:
    with pytest.raises(errors.DecodeError):
        ENDPOINT.read(
            ENDPOINT.request(repo=1, name="n"), ApiResponse(200, JSON, b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}")
        )
