"""Removing secrets from texts, in whatever form a server echoes them."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from aiotravis._http import ApiRequest, ApiResponse
from aiotravis._http.redaction import header_secrets, is_secret_name, json_secrets, redact, redact_json

SECRET = "pA55/wörd+\"<&>'=\\ x"

KEY = """-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEA1jYm5xYxvD0tJyGQ4tkwPk0ZHTXeyJk7
Xo3nPm8uL1vCq2lRrPzcm4ZZwQdW5Yl2z0sK
-----END RSA PRIVATE KEY-----
"""

NONE: set[str] = set()

BASIC = base64.b64encode(b"sarah:pa55word").decode()

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a path": lambda secret: quote(secret, safe=""),
    "in a path with slashes": quote,
    "in a query": quote_plus,
    "percent-encoded in lower case": lambda secret: quote(secret, safe="").replace("%2F", "%2f").replace("%C3", "%c3")
    .replace("%B6", "%b6").replace("%2B", "%2b").replace("%3C", "%3c").replace("%3E", "%3e").replace("%3D", "%3d")
    .replace("%5C", "%5c"),
    "percent-encoded altogether": lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()),
    "in JSON": lambda secret: json.dumps(secret)[1:-1],
    "in JSON of UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "in HTML": html.escape,
    "in a repr": lambda secret: repr(secret)[1:-1],
    "in hexadecimal": lambda secret: secret.encode().hex(),
    "in lower case": str.lower,
}  # fmt: skip


@pytest.mark.parametrize("encode", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("secret", [SECRET, "t0ken-ABCDEF", "two\nlines of it"])
def test_a_secret_is_redacted_in_every_encoding(encode: Callable[[str], str], secret: str) -> None:
    assert redact(f"<{encode(secret)}>", (secret,)) == "<[token]>"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "yz"])
@pytest.mark.parametrize("url_safe", [False, True])
def test_a_secret_within_base64_is_redacted(before: str, after: str, url_safe: bool) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    secret = "s3cr3t?>~s3cr3t"
    text = encode(f"{before}{secret}{after}".encode()).decode()
    safe = redact(text, (secret,))
    assert "[token]" in safe
    left = safe.split("[token]")
    assert max(map(len, left)) <= 4 + len(before) + len(after)


@pytest.mark.parametrize("line", KEY.splitlines()[1:3])
def test_each_line_of_a_key_is_redacted(line: str) -> None:
    for text in (line, f"  {line}\\n", quote(line), base64.b64encode(line.encode()).decode()):
        assert line not in redact(f"invalid key: {text}", (KEY,))
        assert "[token]" in redact(f"invalid key: {text}", (KEY,))
    assert redact("-----BEGIN RSA PRIVATE KEY-----", (KEY,)) == "-----BEGIN RSA PRIVATE KEY-----"


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert redact("anything", ()) == "anything"
    assert redact("anything", ("",)) == "anything"
    value = {"a": ["b", 1, None]}
    assert redact_json(value, ()) is value


@pytest.mark.parametrize("secret", ["t", "ht", "://", " a ", "%41%42", "t\n", "h\nt"])
def test_a_secret_too_short_to_be_one_mangles_nothing(secret: str) -> None:
    """Every other letter of `h[token][token]ps://` would be gone, and tell what the secret is."""
    text = "GET /jobs/1: https://api.travis-ci.com:443 a AB QQ== refused 't' (\\n)"
    assert redact(text, (secret,)) == text
    assert redact(f"{text} t0ken", (secret, "t0ken")) == f"{text} [token]"
    response = ApiResponse(200, {}, b'{"state":"started"}', secrets=(secret,))
    assert (response.json, response.excerpt) == ({"state": "started"}, '{"state":"started"}')


def test_names_of_fields_stay_unless_they_hold_a_long_secret() -> None:
    """The value `error` of a variable would hide what the server says."""
    response = ApiResponse(422, {}, b'{"error":{"message":"an error"}}', secrets=("error",))
    assert response.error_json == {"error": {"message": "an [token]"}}
    long = "a-token-of-20-chars!"
    assert redact_json({long: [long, {"x": long}], "n": 1}, (long,)) == {
        "[token]": ["[token]", {"x": "[token]"}],
        "n": 1,
    }


@pytest.mark.parametrize("value", ["true", "null", "1", '":"'])
def test_a_secret_that_is_json_syntax_leaves_json_readable(value: str) -> None:
    response = ApiResponse(422, {}, b'{"ok":true,"none":null,"n":1,"error":"no"}', secrets=(value,))
    assert response.json == {"ok": True, "none": None, "n": 1, "error": "no"}


@pytest.mark.parametrize(
    ("header", "secrets"),
    [
        (("X-Api-Key", "s3cret"), {"s3cret"}),
        (("Authorization", "token abc"), {"token abc", "abc"}),
        (("Authorization", f"Basic {BASIC}"), {f"Basic {BASIC}", BASIC, "pa55word"}),
        (("authorization", "basic %%%"), {"basic %%%", "%%%", ""}),
        (("Cookie", "a=one; b=two"), {"a=one; b=two", "one", "two", "b=two"}),
        (("Accept", "application/json"), NONE),
        (("content-type", "text/plain"), NONE),
        (("Cache-Control", "no-cache"), NONE),
        (("Travis-API-Version", "3"), NONE),
        (("If-None-Match", "abc"), NONE),
    ],
)  # fmt: skip
def test_headers_hold_secrets_unless_they_are_known_not_to(header: tuple[str, str], secrets: set[str]) -> None:
    assert set(header_secrets([header])) == secrets


@pytest.mark.parametrize(
    "name", ["access_token", "token", "github_token", "log.token", "password", "api_key", "Signature"]
)
def test_a_parameter_is_secret_by_its_name(name: str) -> None:
    assert is_secret_name(name)
    assert "s3cret" not in ApiRequest("GET", "/x", ((name, "s3cret"),)).safe_target
    assert ApiRequest("GET", "/x", ((name, "s3cret"),)).secrets == ("s3cret",)


@pytest.mark.parametrize("name", ["slug", "ids", "number", "event_type", "after_number", "branches", "author"])
def test_other_parameters_are_shown(name: str) -> None:
    assert not is_secret_name(name)


def test_a_json_value_to_send_names_its_secrets() -> None:
    value = {"env_var": {"name": "A", "value": "v"}, "x": [{"github_token": "t"}, {"password": ["p", 1]}], "note": "n"}
    assert list(json_secrets(value)) == ["v", "t", "p"]


def test_a_repr_shows_neither_body_nor_headers() -> None:
    shown = repr(ApiResponse(200, {"x-echo": "t0ken"}, b"t0ken", secrets=("t0ken",)))
    assert "t0ken" not in shown
    assert "status=200" in shown
