"""What both ways of signing in share: the form that Travis's page posts, whose token it holds, the pages in return."""

import html
import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from aiotravis.client import Travis
from aiotravis.resources.users import User
from aiotravis.web._bodies import read_body

__all__ = ["owner_of", "page", "read_posted_form", "self_submitting_page"]

MAX_FORM_BYTES: Final = 64 << 10
"""Largest form: Travis's has the token, and a user of a kilobyte or two."""

FORM_SECONDS: Final = 10.0

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""fact beyond 3.1: the characters of a token."""

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def read_posted_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form that were sent once; ``token`` only if it looks like one.

    Raises:
        HTTPException: It is too large, or does not arrive in time.
    """
    body = await read_body(request, MAX_FORM_BYTES, FORM_SECONDS)
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=None)
    form = {name: values[0] for name, values in fields.items() if len(values) == 1}
    if not TOKEN.fullmatch(form.get("token", "")):
        form.pop("token", None)
    return form


async def owner_of(travis: Travis, token: str) -> User:
    """Return whose token it is, as the site says. The user in the form may be anybody's.

    Raises:
        TravisError: Travis does not know the token, or cannot be asked.
    """
    async with travis.with_options(token=token) as client:
        return await client.users.me()


def page(title: str, text: str, *, status: int = 200) -> web.Response:
    """Return a page that says one thing."""
    return _response(f"<h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>", title, "", status)


def self_submitting_page(action: str, fields: Mapping[str, str]) -> web.Response:
    """Return a page whose form posts fields to this server by itself, or with a button where scripts are off."""
    inputs = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )
    nonce = secrets.token_urlsafe(16)
    body = (
        f'<form method="post" action="{html.escape(action)}">{inputs}<button>Continue</button></form>'
        f'<script nonce="{nonce}">document.forms[0].submit()</script>'
    )
    return _response(body, "Signing in", f"script-src 'nonce-{nonce}'; form-action 'self'; ", 200)


def _response(body: str, title: str, policy: str, status: int) -> web.Response:
    text = f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title>{body}\n'
    security = f"default-src 'none'; {policy}base-uri 'none'; frame-ancestors 'none'"
    headers = {**HEADERS, "Content-Security-Policy": security}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
