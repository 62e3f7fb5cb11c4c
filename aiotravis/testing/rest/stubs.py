"""Answers that stand in for those of a route, and answers that get lost on their way."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

__all__ = ["Stub", "Stubs"]


@dataclass
class Stub:
    """An answer that stands in for a route.

    Attributes:
        times: How often it is still given; None for always.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    times: int | None

    def response(self) -> web.Response:
        """Give it as an answer."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


class Stubs:
    """Those that the server was told to give, and the ones that it was told to lose."""

    def __init__(self) -> None:
        self._canned: dict[tuple[str, str], Stub] = {}
        self._lost: Counter[tuple[str, str]] = Counter()

    def put(self, method: str, path: str, canned: Stub) -> None:
        """Let a route be answered by something else."""
        self._canned[method.upper(), path] = canned

    def lose(self, method: str, path: str, times: int) -> None:
        """Let a route's next answers get lost."""
        self._lost[method.upper(), path] += times

    def take(self, method: str, path: str) -> Stub | None:
        """Give what stands in for a route, one time less; None: the route answers for itself."""
        canned = self._canned.get((method, path))
        if canned is not None and canned.times is not None:
            canned.times -= 1
            if canned.times <= 0:
                del self._canned[method, path]
        return canned

    def is_lost(self, method: str, path: str) -> bool:
        """Whether this answer gets lost; it is one less from then on."""
        lost = self._lost[method, path] > 0
        self._lost[method, path] -= lost
        return lost
