"""Responses that replace those of routes, and responses that get lost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

__all__ = ["Stub", "Stubs"]


@dataclass
class Stub:
    """A response that replaces that of a route.

    Attributes:
        status: HTTP status.
        body: Body.
        headers: Headers.
        times: How many more times to use it; None for always.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    times: int | None

    def response(self) -> web.Response:
        """Return it as a response."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


class Stubs:
    """Stubs and losses by method and path."""

    def __init__(self) -> None:
        self._canned: dict[tuple[str, str], Stub] = {}
        self._lost: Counter[tuple[str, str]] = Counter()

    def add(self, method: str, path: str, stubs: Stub) -> None:
        """Add the stub of a route, in place of an earlier one."""
        self._canned[method.upper(), path] = stubs

    def lose(self, method: str, path: str, times: int) -> None:
        """Lose the next responses of a route."""
        self._lost[method.upper(), path] += times

    def take(self, method: str, path: str) -> Stub | None:
        """Return the stub of a route and use it up once; None if it has none."""
        stubs = self._canned.get((method, path))
        if stubs is not None and stubs.times is not None:
            stubs.times -= 1
            if stubs.times <= 0:
                del self._canned[method, path]
        return stubs

    def take_loss(self, method: str, path: str) -> bool:
        """Return whether this response gets lost; each loss counts once."""
        if self._lost[method, path] < 1:
            return False
        self._lost[method, path] -= 1
        return True
