"""Requests and answers as data."""

import pytest

from aiotravis._http import ApiRequest, ApiResponse


def test_a_call_shows_its_query_but_no_secret() -> None:
    request = ApiRequest("GET", "/logout", (("access_token", "t0ken"), ("ids[]", "1"), ("a", "b c")))
    assert request.target == "/logout?access_token=t0ken&ids%5B%5D=1&a=b+c"
    assert request.shown == "/logout?access_token=...&ids[]=1&a=b+c"
    assert request.secrets == ("t0ken",)
    assert "t0ken" not in repr(request)
    assert ApiRequest("GET", "/x").target == ApiRequest("GET", "/x").shown == "/x"


@pytest.mark.parametrize(("method", "reads"), [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False)])
def test_reads_are_what_changes_nothing(method: str, reads: bool) -> None:
    assert ApiRequest(method, "/x").reads is reads


def test_an_excerpt_is_short_printable_and_keeps_secrets() -> None:
    response = ApiResponse(500, {}, b"a\x1b[31m\r\nb\xff t0ken " + b"x" * 1000, secrets=("t0ken",))
    assert response.excerpt.startswith("a [31m b\N{REPLACEMENT CHARACTER} [token] xxx")
    assert len(response.excerpt) == 303
    assert "t0ken" not in repr(ApiResponse(200, {}, b"", secrets=("t0ken",)))


def test_the_content_type_is_bare_and_in_lower_case() -> None:
    assert ApiResponse(200, {"content-type": "Application/JSON; charset=utf-8"}, b"").content_type == "application/json"
    assert ApiResponse(200, {}, b"").content_type == ""


@pytest.mark.parametrize(("body", "value"), [(b'{"a":1}', {"a": 1}), (b"", None), (b"\xff", None), (b"OK", None)])
def test_what_is_not_json_is_none(body: bytes, value: object) -> None:
    assert ApiResponse(200, {}, body).json == value


def test_an_excerpt_shows_no_part_of_a_secret_and_the_longer_one_goes_first() -> None:
    for spaces in (290, 1190, 2390):
        assert "sec" not in ApiResponse(500, {}, b" " * spaces + b"secrettoken", secrets=("secrettoken",)).excerpt
    assert ApiResponse(500, {}, b"abcdef", secrets=("abc", "abcdef")).excerpt == "[token]"


def test_json_is_read_whole_however_long_and_a_refusal_is_not() -> None:
    body = b'{"log":"%b","token":"t0ken"}' % (b"x" * 300_000)
    response = ApiResponse(200, {}, body, secrets=("t0ken",))
    assert response.json == {"log": "x" * 300_000, "token": "[token]"}
    assert response.error_json is None
    assert ApiResponse(409, {}, b'{"error":"t0ken"}', secrets=("t0ken",)).error_json == {"error": "[token]"}
