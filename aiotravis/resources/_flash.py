"""Restarts: the response can be a refusal with a success status."""

from aiotravis._http import Endpoint, Transport
from aiotravis.errors import RefusedError
from aiotravis.resources._base import Entity
from aiotravis.resources._restart import Key
from aiotravis.resources._runs import Restarts

__all__ = ["FlashResponse", "restart"]


class _Flash(Entity, frozen=True, kw_only=True):
    notice: str | None = None
    error: str | None = None


class FlashResponse(Entity, frozen=True, kw_only=True):
    """``{"result": true, "flash": [{"notice": "..."}]}``."""

    result: bool | None = None
    flash: tuple[_Flash, ...] = ()


async def restart(
    transport: Transport,
    endpoint: Endpoint[FlashResponse],
    key: Key,
    restarts: Restarts | None = None,
    *,
    build_id: int | None = None,
) -> str:
    """Request a restart and return Travis's notice.

    Args:
        transport: Sends the request.
        endpoint: The route.
        key: What to restart.
        restarts: Where to record the restart once Travis has accepted it.
        build_id: Id of a job's build, if it is known.

    Raises:
        RefusedError: Travis refuses it.
    """
    request = endpoint.request(id=key[1])
    response = await transport.send(request)
    decoded = endpoint.read(request, response)
    # fact 9.26: until 2015, a refusal had status 200 and `result` true; only the flash holds its error.
    refusals = tuple(flash.error for flash in decoded.flash if flash.error)
    if refusals or decoded.result is False:
        error = RefusedError(
            f"{request.method} {request.shown} was refused: {' '.join(refusals) or 'no reason given'}",
            status=response.status,
            method=request.method,
            path=request.shown,
            excerpt=response.excerpt,
            remedy="Nothing was changed.",
        )
        error.flash = refusals
        raise error
    if restarts is not None:
        restarts.record(key, response.headers.get("date"), build_id)
    return " ".join(flash.notice for flash in decoded.flash if flash.notice)
