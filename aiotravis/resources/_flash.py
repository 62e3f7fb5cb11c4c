"""Restarts: the response can be a refusal with a success status, or be lost."""

from aiotravis._http import Endpoint, Transport
from aiotravis._http.endpoint import ACCEPTED
from aiotravis.errors import (
    DecodeError,
    RedirectError,
    RefusedError,
    RequestError,
    ServerError,
    TravisError,
    WriteInterrupted,
)
from aiotravis.resources._base import Entity
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._restart import Key
from aiotravis.resources._runs import Restarts

__all__ = ["FlashResponse", "is_outcome_unknown", "restart"]


class _Flash(Entity, frozen=True, kw_only=True):
    notice: str | None = None
    error: str | None = None


class FlashResponse(Entity, frozen=True, kw_only=True):
    """``{"result": true, "flash": [{"notice": "..."}]}``."""

    result: bool | None = None
    flash: tuple[_Flash, ...] = ()


def is_outcome_unknown(error: BaseException) -> bool:
    """Return whether a write that failed with an error may have been carried out all the same."""
    if isinstance(error, RequestError):
        return not error.unsent and not isinstance(error, RedirectError)
    # A refusal and a usage error are answers; what is left is a cancellation.
    return isinstance(error, ServerError | DecodeError) or not isinstance(error, TravisError)


async def restart(
    transport: Transport,
    endpoint: Endpoint[FlashResponse],
    key: Key,
    restarts: Restarts | None = None,
    *,
    build_id: int | None = None,
    old: object = None,
) -> str:
    """Request a restart and return Travis's notice.

    Args:
        transport: Sends the request.
        endpoint: The route.
        key: What to restart.
        restarts: Where to record the restart once Travis has accepted it, or may have.
        build_id: Id of a job's build, if it is known.
        old: The build or job as it was known before, or something else.

    Raises:
        RefusedError: Travis refuses it.
    """
    restarts = Restarts() if restarts is None else restarts
    known = old if isinstance(old, BuildOrJob) else None
    try:
        date, notice = await _send(transport, endpoint, key)
    except BaseException as exc:
        if is_outcome_unknown(exc):
            restarts.record(key, None, build_id, old=known, is_certain=False)
        raise
    restarts.record(key, date, build_id, old=known)
    return notice


async def _send(transport: Transport, endpoint: Endpoint[FlashResponse], key: Key) -> tuple[str | None, str]:
    """Send the request; return the date of the response, and its notice."""
    request = endpoint.request(id=key[1])
    try:
        response = await transport.send(request)
    except RequestError as exc:
        if exc.status not in ACCEPTED or isinstance(exc, WriteInterrupted):
            raise
        # Travis has accepted it. Only the rest of the response is lost.
        return None, ""
    decoded = endpoint.read(request, response)
    # fact 9.26: until 2015, a refusal had status 200 and `result` true; only the flash holds its error.
    refusals = tuple(response.line(flash.error) for flash in decoded.flash if flash.error)
    if refusals or decoded.result is False:
        error = RefusedError(
            f"{request.method} {request.safe_target} was refused: {' '.join(refusals) or 'no reason given'}",
            status=response.status,
            method=request.method,
            path=request.safe_target,
            excerpt=response.excerpt,
            remedy="Nothing was changed.",
        )
        error.flash = refusals
        raise error
    return response.headers.get("date"), " ".join(flash.notice for flash in decoded.flash if flash.notice)
