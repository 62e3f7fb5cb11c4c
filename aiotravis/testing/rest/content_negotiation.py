"""What a request takes for an answer: the Accept header, the version in it, and endings of paths that override it.

https://docs.travis-ci.com/api/#making-requests
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

__all__ = [
    "ENDING",
    "ENDINGS",
    "MediaType",
    "accepted",
    "accepts_json",
    "accepts_text",
    "ending_of",
    "is_newer",
    "kinds_of",
    "version_of",
    "without_ending",
]

ENDINGS: Final = (".json", ".xml", ".png", ".txt", ".atom", ".svg")
"""What the end of a path is read as a kind of answer by, whatever name it belongs to."""

ENDING: Final = web.RequestKey("ENDING", str)
"""Key under which a request keeps the ending that its path has lost."""


@dataclass(frozen=True)
class MediaType:
    """One entry of an Accept header.

    Attributes:
        name: Media type, lower case.
        parameters: Its parameters, without ``q``.
        weight: Its ``q``.
    """

    name: str
    parameters: Mapping[str, str]
    weight: float

    @property
    def is_json(self) -> bool:
        """Whether JSON answers it."""
        return self.name.endswith("+json") or self.name == "application/json"

    @property
    def is_text(self) -> bool:
        """Whether plain text answers it."""
        return self.name.endswith("+plain") or self.name == "text/plain"

    @property
    def is_anything(self) -> bool:
        """Whether anything answers it."""
        return self.name == "*/*"

    @property
    def chunked(self) -> bool:
        """Whether a log in parts is wanted."""
        return self.parameters.get("chunked") == "true"

    @property
    def version(self) -> str | None:
        """The version that it names, as ``2`` or ``2.1``."""
        named = re.match(r"[a-z]+/vnd\.travis-ci\.(\d+(?:\.\d+)?)\+", self.name)
        return named[1] if named else self.parameters.get("version")


def kinds_of(accept: str) -> Sequence[MediaType]:
    """Read an Accept header as Travis does: by weight, then fewer stars, then more parameters."""
    kinds: list[MediaType] = []
    for entry in re.sub(r"\s", "", accept).lower().split(","):
        name, *rest = entry.split(";")
        parameters = {pair.partition("=")[0]: pair.partition("=")[2] for pair in rest}
        weight = parameters.pop("q", "1")
        kinds.append(MediaType(name, parameters, float(weight) if re.fullmatch(r"[01](\.\d*)?", weight) else 1.0))
    return sorted(kinds, key=lambda kind: (-kind.weight, kind.name.count("*"), -len(kind.parameters)))


def accepted(request: web.Request) -> Sequence[MediaType]:
    """Give what a request takes, the best first; what weighs nothing is left out."""
    return [kind for kind in kinds_of(request.headers.get("Accept", "*/*")) if kind.weight]


def ending_of(request: web.Request) -> str:
    """Give the ending that the path had, as ``.json``; empty: none."""
    ending: str = request.get(ENDING, "")
    return ending


def without_ending(path: str) -> tuple[str, str]:
    """Take a path apart into what remains of it and the ending that it loses."""
    ending = next((one for one in ENDINGS if path.endswith(one)), "")
    return path.removesuffix(ending), ending


def version_of(request: web.Request) -> str:
    """Give the version that is asked for: that of the best entry which names one; ``1`` where none does.

    An ending overrides the header, and with it the version.
    """
    if ending_of(request):
        return "1"
    return next((kind.version for kind in accepted(request) if kind.version is not None), "1")


def is_newer(request: web.Request) -> bool:
    """Whether version 2.1 is asked for, which shows strangers what is public."""
    return version_of(request) == "2.1"


def accepts_json(request: web.Request) -> bool:
    """Whether JSON may be answered."""
    if ending_of(request):
        return ending_of(request) == ".json"
    return any(kind.is_json or kind.is_anything for kind in accepted(request))


def accepts_text(request: web.Request) -> bool:
    """Whether plain text may be answered; an ending that asks for it does not make up for a header that does not."""
    if ending_of(request) not in {"", ".txt"}:
        return False
    return any(kind.is_text or kind.is_anything for kind in accepted(request))
