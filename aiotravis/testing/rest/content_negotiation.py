"""Content negotiation: the Accept header, the version in it, and path suffixes that override it.

https://docs.travis-ci.com/api/#making-requests
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

__all__ = [
    "SUFFIX",
    "SUFFIXES",
    "MediaType",
    "accepted_types",
    "accepts_json",
    "accepts_text",
    "parse_accept",
    "path_suffix",
    "requested_version",
    "split_suffix",
    "wants_version_2_1",
]

SUFFIXES: Final = (".json", ".xml", ".png", ".txt", ".atom", ".svg")
"""Suffixes that are removed from every path and override Accept, see fact 1.2."""

SUFFIX: Final = web.RequestKey("SUFFIX", str)
"""Key of the suffix that was removed from the path of a request."""


@dataclass(frozen=True)
class MediaType:
    """One entry of an Accept header.

    Attributes:
        name: Media type in lower case.
        parameters: Parameters without ``q``.
        quality: Value of ``q``.
    """

    name: str
    parameters: Mapping[str, str]
    quality: float

    @property
    def is_json(self) -> bool:
        """Whether it accepts JSON."""
        return self.name.endswith("+json") or self.name == "application/json"

    @property
    def is_text(self) -> bool:
        """Whether it accepts plain text."""
        return self.name.endswith("+plain") or self.name == "text/plain"

    @property
    def is_anything(self) -> bool:
        """Whether it accepts any media type."""
        return self.name == "*/*"

    @property
    def chunked(self) -> bool:
        """Whether it asks for a log in parts."""
        return self.parameters.get("chunked") == "true"

    @property
    def version(self) -> str | None:
        """Version that it names, as ``2`` or ``2.1``, or None."""
        named = re.match(r"[a-z]+/vnd\.travis-ci\.(\d+(?:\.\d+)?)\+", self.name)
        return named[1] if named else self.parameters.get("version")


def parse_accept(accept: str) -> Sequence[MediaType]:
    """Return the entries of an Accept header: by quality, then fewer asterisks, then more parameters."""
    media_types: list[MediaType] = []
    for entry in re.sub(r"\s", "", accept).lower().split(","):
        name, *rest = entry.split(";")
        parameters = {pair.partition("=")[0]: pair.partition("=")[2] for pair in rest}
        quality = parameters.pop("q", "1")
        media_types.append(
            MediaType(name, parameters, float(quality) if re.fullmatch(r"[01](\.\d*)?", quality) else 1.0)
        )
    return sorted(
        media_types,
        key=lambda media: (-media.quality, media.name.count("*"), -len(media.parameters)),
    )


def accepted_types(request: web.Request) -> Sequence[MediaType]:
    """Return the media types that a request accepts, the best first, without those of quality 0."""
    return [media for media in parse_accept(request.headers.get("Accept", "*/*")) if media.quality]


def path_suffix(request: web.Request) -> str:
    """Return the suffix that was removed from the path, as ``.json``; empty if there was none."""
    ending: str = request.get(SUFFIX, "")
    return ending


def split_suffix(path: str) -> tuple[str, str]:
    """Split a path into what routes match and the suffix."""
    ending = next((one for one in SUFFIXES if path.endswith(one)), "")
    return path.removesuffix(ending), ending


def requested_version(request: web.Request) -> str:
    """Return the version of the best entry that names one, else ``1``.

    A suffix overrides the header and with it the version.
    """
    # fact 9.7: version 1 is the default, and that of a suffix.
    if path_suffix(request):
        return "1"
    return next((media.version for media in accepted_types(request) if media.version is not None), "1")


def wants_version_2_1(request: web.Request) -> bool:
    """Return whether version 2.1 is requested, which shows public repositories to anonymous requests."""
    return requested_version(request) == "2.1"


def accepts_json(request: web.Request) -> bool:
    """Return whether the request accepts JSON."""
    if path_suffix(request):
        return path_suffix(request) == ".json"
    return any(media.is_json or media.is_anything for media in accepted_types(request))


def accepts_text(request: web.Request) -> bool:
    """Return whether the request accepts plain text; the suffix ``.txt`` alone does not suffice."""
    if path_suffix(request) not in {"", ".txt"}:
        return False
    return any(media.is_text or media.is_anything for media in accepted_types(request))
