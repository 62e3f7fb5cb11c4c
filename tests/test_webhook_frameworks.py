"""The lines that the README has for FastAPI and Starlette, with the real frameworks."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Header, HTTPException, Request
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response
from starlette.routing import Route

from aiotravis import Travis
from aiotravis.errors import WebhookRejected
from aiotravis.testing import TravisServer
from tests.webhook_requests import PAYLOAD, form, sign

FORM = "application/x-www-form-urlencoded"


class Applications:
    """The same webhook in two frameworks."""

    def __init__(self, travis: Travis) -> None:
        self.travis = travis
        self.received: list[int] = []

    def fastapi(self) -> FastAPI:
        app = FastAPI()

        @app.post("/travis", status_code=204)
        async def webhook(request: Request, signature: Annotated[str | None, Header()] = None) -> None:  # pyright: ignore[reportUnusedFunction]
            verifier = self.travis.webhook_verifier()
            try:
                notification = await verifier.verify(await request.body(), signature)
            except WebhookRejected as exc:
                raise HTTPException(403, str(exc)) from exc
            self.received.append(notification.build.id)

        return app

    def starlette(self) -> Starlette:
        async def webhook(request: StarletteRequest) -> Response:
            try:
                signature = request.headers.get("Signature")
                notification = await self.travis.webhook_verifier().verify(await request.body(), signature)
            except WebhookRejected as exc:
                return Response(str(exc), status_code=403)
            self.received.append(notification.build.id)
            return Response(status_code=204)

        return Starlette(routes=[Route("/travis", webhook, methods=["POST"])])


@asynccontextmanager
async def posting(app: FastAPI | Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app", headers={"Content-Type": FORM}) as client:
        yield client


@pytest.mark.parametrize("framework", ["fastapi", "starlette"])
async def test_a_webhook_is_verified_in_the_framework(server: TravisServer, travis: Travis, framework: str) -> None:
    payload = PAYLOAD.decode()
    signature = server.webhooks.sign(payload)
    applications = Applications(travis)
    async with posting(getattr(applications, framework)()) as client:
        sent = form(PAYLOAD)
        accepted = await client.post("/travis", content=sent, headers={"Signature": signature})
        forged = await client.post("/travis", content=sent, headers={"Signature": sign(PAYLOAD)})
        unsigned = await client.post("/travis", content=sent)
        altered = await client.post("/travis", content=sent[:-9], headers={"Signature": signature})
        as_json = await client.post(
            "/travis", content=PAYLOAD, headers={"Signature": signature, "Content-Type": "application/json"}
        )
    assert (accepted.status_code, accepted.content) == (204, b"")
    assert {one.status_code for one in (forged, unsigned, altered, as_json)} == {403}
    assert applications.received == [277713381]
    assert len(server.requests_to("/config")) == 1
