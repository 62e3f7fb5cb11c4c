"""Raw requests to the embedded Travis, without our client."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from aiotravis.testing import TravisServer

V2 = "application/vnd.travis-ci.2+json"


@dataclass(frozen=True)
class Raw:
    """A raw response."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


async def ask(
    server: TravisServer,
    path: str,
    *,
    method: str = "GET",
    token: str | None = None,
    accept: str = V2,
    headers: dict[str, str] | None = None,
    json: object = None,
    data: bytes | None = None,
    endpoint: str | None = None,
) -> Raw:
    """Send one request; return the raw response."""
    url = (endpoint or server.endpoint) + path
    sent = {"Accept": accept, **({"Authorization": f"token {token}"} if token else {}), **(headers or {})}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=sent, json=json, data=data, allow_redirects=False) as response,
    ):
        got = {name.lower(): value for name, value in response.headers.items()}
        return Raw(response.status, response.headers.get("Content-Type", ""), await response.read(), got)
