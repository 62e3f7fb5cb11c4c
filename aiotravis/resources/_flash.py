"""The answer to a restart, which may be a no with a good status."""

from aiotravis._http import ApiRequest, ApiResponse, Endpoint, Transport
from aiotravis.errors import RefusedError
from aiotravis.resources._base import Entity, read

__all__ = ["FlashResponse", "raise_if_refused", "restarted"]


class _Flash(Entity, frozen=True, kw_only=True):
    notice: str | None = None
    error: str | None = None


class FlashResponse(Entity, frozen=True, kw_only=True):
    """``{"result": true, "flash": [{"notice": "..."}]}``. Until 2015 ``result`` was true even when refused."""

    result: bool | None = None
    flash: tuple[_Flash, ...] = ()


async def restarted(transport: Transport, endpoint: Endpoint[FlashResponse], number: int) -> str:
    """Ask for a restart, and give what Travis says to it.

    Raises:
        RefusedError: Travis does not grant it.
    """
    request = endpoint.request(id=number)
    response = await transport.send(request)
    return raise_if_refused(request, response, await read(endpoint, request, response))


def raise_if_refused(request: ApiRequest, response: ApiResponse, answer: FlashResponse) -> str:
    """Give what Travis says to a restart that it grants.

    Raises:
        RefusedError: It does not: the flash holds an error, whatever the status says.
    """
    refusals = tuple(flash.error for flash in answer.flash if flash.error)
    if refusals or answer.result is False:
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
    return " ".join(flash.notice for flash in answer.flash if flash.notice)
