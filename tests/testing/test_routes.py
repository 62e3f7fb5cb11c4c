"""What all groups of routes share."""

import pytest
from aiohttp import web

from aiotravis.testing import TravisServer
from aiotravis.testing.routes import Handler, Routes, answer


async def pong(request: web.Request) -> web.StreamResponse:
    return answer({"pong": True}, status=202)


class Pongs(Routes):
    def table(self) -> tuple[tuple[str, str, Handler], ...]:
        return (("GET", "/ping", pong), ("POST", "/ping", pong))


def test_a_group_serves_its_table_below_a_prefix() -> None:
    app = web.Application()
    Pongs(TravisServer()).add_routes(app.router, "/api")
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    assert {("GET", "/api/ping"), ("POST", "/api/ping")} <= served


def test_a_group_without_a_table_is_none() -> None:
    with pytest.raises(NotImplementedError):
        Routes(TravisServer()).table()


def test_an_answer_is_typed_as_travis_types_it() -> None:
    response = answer({"a": 1}, status=202)
    assert (response.status, response.headers["Content-Type"]) == (202, "application/json;charset=utf-8")
