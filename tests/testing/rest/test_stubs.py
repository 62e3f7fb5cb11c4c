"""Responses that replace those of routes, and responses that get lost."""

from aiotravis.testing.rest.stubs import Stub, Stubs


def make_stub(times: int | None) -> Stub:
    return Stub(503, b"<html>", {"Content-Type": "text/html"}, times)


def test_stub_is_used_the_given_number_of_times() -> None:
    stubs = Stubs()
    stubs.add("get", "/config", make_stub(2))
    stubs.add("GET", "/users", make_stub(None))
    used = [stubs.take("GET", "/config") is not None for _ in range(3)]
    assert used == [True, True, False]
    assert all(stubs.take("GET", "/users") for _ in range(5))
    assert stubs.take("POST", "/users") is None


def test_stub_response_has_its_status_body_and_headers() -> None:
    response = make_stub(None).response()
    assert (response.status, response.body, response.headers["Content-Type"]) == (503, b"<html>", "text/html")


def test_losses_are_used_up_one_by_one() -> None:
    stubs = Stubs()
    stubs.lose("post", "/builds/1/cancel", 2)
    assert [stubs.take_loss("POST", "/builds/1/cancel") for _ in range(4)] == [True, True, False, False]
    assert not stubs.take_loss("GET", "/config")


def test_names_of_requests_without_a_loss_are_not_kept() -> None:
    stubs = Stubs()
    for number in range(1000):
        stubs.take("GET", f"/builds/{number}")
        stubs.take_loss("GET", f"/builds/{number}")
    assert len(stubs._lost) == len(stubs._canned) == 0
