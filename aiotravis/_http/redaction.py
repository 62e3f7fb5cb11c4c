"""Removing secrets from what errors, logs and reprs show: a server may echo them, in any encoding. No I/O."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus, unquote

__all__ = ["header_secrets", "is_secret_name", "json_secrets", "redact", "redact_json"]

REDACTED: Final = "[token]"

MIN_SECRET_LENGTH: Final = 4
"""Characters from which a text is redacted: shorter ones occur in other texts by chance."""

MIN_CODE_LENGTH: Final = 8
"""The same for base64 and hexadecimal digits."""

MIN_LINE_LENGTH: Final = 16
"""The same for one line of a secret of several lines, such as a key."""

SECRET_NAMES: Final = re.compile(r"token|secret|passw|signature|credential|api[_-]?key|private[_-]?key", re.IGNORECASE)

PUBLIC_HEADERS: Final = re.compile(
    r"accept(-.*)?|cache-control|content-.*|date|expect|host|if-.*|origin|pragma|prefer|range|referer|te"
    r"|travis-api-version|user-agent",
    re.IGNORECASE,
)
"""Headers whose values are no secrets, whoever gives them."""

_PERCENT: Final = re.compile("%[0-9A-F]{2}")


def is_secret_name(name: str) -> bool:
    """Return whether a parameter or field of this name holds a secret."""
    return SECRET_NAMES.search(name) is not None


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """Return a text without secrets, however it has them encoded: for URLs, JSON or HTML, in base64, in hexadecimal.

    Secrets of less than `MIN_SECRET_LENGTH` characters stay: without their letters, nothing could be read.
    """
    if secrets:
        for form in _forms(secrets):
            if form in text:
                text = text.replace(form, REDACTED)
    return text


def redact_json(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a decoded JSON value with no secrets in its texts; names of fields are only changed by long secrets."""
    if not secrets:
        return value
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, list):
        return [redact_json(item, secrets) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value).items()
        # A short secret can be the name of a field by chance, and then tells nothing.
        return {
            redact(name, secrets) if len(name) >= MIN_LINE_LENGTH else name: redact_json(item, secrets)
            for name, item in fields
        }
    return value


def header_secrets(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the secrets in headers that a user gave: values, credentials after a scheme, passwords, cookies."""
    for name, value in headers:
        if PUBLIC_HEADERS.fullmatch(name):
            continue
        yield value
        if name.lower() == "cookie":
            yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        scheme, _, credentials = value.partition(" ")
        if credentials:
            yield credentials.strip()
        if scheme.lower() == "basic":
            try:
                yield base64.b64decode(credentials).decode().partition(":")[2]
            except ValueError:
                continue


def json_secrets(value: object, *, secret: bool = False) -> Iterator[str]:
    """Yield the texts of a JSON value to send that are secrets by the names of their fields."""
    if isinstance(value, str):
        if secret:
            yield value
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[object, object]", value).items():
            yield from json_secrets(item, secret=secret or name == "value" or is_secret_name(str(name)))
    elif isinstance(value, list | tuple):
        for item in cast("Iterable[object]", value):
            yield from json_secrets(item, secret=secret)


@lru_cache(maxsize=16)
def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Return every form of some secrets, longest first: one may be part of another."""
    pieces = {piece for secret in secrets for piece in _pieces(secret) if len(piece) >= MIN_SECRET_LENGTH}
    forms = {form for piece in pieces for form in _encodings(piece)}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _pieces(secret: str) -> Iterator[str]:
    yield secret
    yield secret.strip()
    lines = secret.split("\n")
    if len(lines) > 1:
        # The frame of a key is no secret.
        stripped = (line.strip() for line in lines)
        yield from (line for line in stripped if len(line) >= MIN_LINE_LENGTH and not line.startswith("-----"))
    # What a user gave percent-encoded may be echoed decoded.
    yield unquote(secret)


def _encodings(secret: str) -> Iterator[str]:
    data = secret.encode("utf-8", "surrogatepass")
    percent = {quote(data), quote(data, safe=""), quote_plus(data), "".join(f"%{byte:02X}" for byte in data)}
    for form in {secret, *percent}:
        yield from (form, _PERCENT.sub(lambda match: match[0].lower(), form))
        if len(form) >= MIN_CODE_LENGTH:
            # Hosts are shown in lower case.
            yield form.lower()
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    yield from (html.escape(secret), html.escape(secret, quote=False))
    codes = [data.hex(), data.hex().upper()]
    for offset in range(3):
        # The characters that the secret alone decides, wherever it stands in what is encoded.
        code = base64.b64encode(bytes(offset) + data).decode()
        code = code[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        codes += [code, code.replace("+", "-").replace("/", "_"), quote(code, safe="")]
    yield from (code for code in codes if len(code) >= MIN_CODE_LENGTH)
