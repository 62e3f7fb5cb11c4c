"""The answer to a restart, which may be a no with a good status."""

from aiotravis._http import Call, Endpoint, Reply, Transport
from aiotravis.errors import RefusedError
from aiotravis.resources._base import Entity, read

__all__ = ["FlashReply", "granted", "restarted"]


class _Flash(Entity, frozen=True, kw_only=True):
    notice: str | None = None
    error: str | None = None


class FlashReply(Entity, frozen=True, kw_only=True):
    """``{"result": true, "flash": [{"notice": "..."}]}``. Until 2015 ``result`` was true even when refused."""

    result: bool | None = None
    flash: tuple[_Flash, ...] = ()


async def restarted(transport: Transport, endpoint: Endpoint[FlashReply], number: int) -> str:
    """Ask for a restart, and give what Travis says to it.

    Raises:
        RefusedError: Travis does not grant it.
    """
    call = endpoint.call(id=number)
    reply = await transport.send(call)
    return granted(call, reply, await read(endpoint, call, reply))


def granted(call: Call, reply: Reply, answer: FlashReply) -> str:
    """Give what Travis says to a restart that it grants.

    Raises:
        RefusedError: It does not: the flash holds an error, whatever the status says.
    """
    refusals = tuple(flash.error for flash in answer.flash if flash.error)
    if refusals or answer.result is False:
        error = RefusedError(
            f"{call.method} {call.shown} was refused: {' '.join(refusals) or 'no reason given'}",
            status=reply.status,
            method=call.method,
            path=call.shown,
            excerpt=reply.excerpt,
            remedy="Nothing was changed.",
        )
        error.flash = refusals
        raise error
    return " ".join(flash.notice for flash in answer.flash if flash.notice)
