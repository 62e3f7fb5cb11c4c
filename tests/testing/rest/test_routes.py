"""Base of the groups of routes, and JSON responses."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from aiotravis.testing import TravisServer
from aiotravis.testing.rest.access import ErrorResponse
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, error_response, json_response


async def ping(request: web.Request) -> web.StreamResponse:
    return SerializedResponse({"pong": True}, status=202)


class PingRoutes(Routes):
    def table(self) -> tuple[tuple[str, str, Handler], ...]:
        return (("GET", "/ping", ping), ("POST", "/ping", ping))


def test_group_adds_its_table_below_a_prefix() -> None:
    app = web.Application()
    PingRoutes(TravisServer()).add_routes(app.router, "/api")
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    assert {("GET", "/api/ping"), ("POST", "/api/ping")} <= served


def test_group_without_a_table_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        Routes(TravisServer()).table()


def test_serialized_response_has_a_charset() -> None:
    response = SerializedResponse({"a": 1}, status=202)
    assert (response.status, response.headers["Content-Type"]) == (202, "application/json;charset=utf-8")


def accepting(accept: str) -> web.Request:
    return make_mocked_request("GET", "/", {"Accept": accept})


def test_version_1_removes_the_envelope_if_there_is_one() -> None:
    answers: tuple[tuple[dict[str, object], bytes], ...] = (
        ({"build": {"id": 1}, "jobs": []}, b'{"id": 1}'), ({"builds": [], "commits": [1]}, b"[]"),
        ({"permissions": [1], "admin": []}, b'{"permissions": [1], "admin": []}'),
    )  # fmt: skip
    for value, body in answers:
        assert SerializedResponse(value).for_request(accepting("application/json")).body == body
    assert SerializedResponse({"a": {}}).for_request(accepting("application/json;version=2")).body == b'{"a": {}}'


def test_serialized_response_is_an_empty_406_unless_json_is_accepted() -> None:
    with pytest.raises(ErrorResponse) as info:
        SerializedResponse({"a": {}}).for_request(accepting("image/png"))
    assert (info.value.status, info.value.body) == (406, b"")


def test_json_response_has_no_charset() -> None:
    assert json_response({"a": 1}).headers["Content-Type"] == "application/json"
    assert error_response(404, "gone", code="x").body == b'{"error": {"message": "gone", "code": "x"}}'
