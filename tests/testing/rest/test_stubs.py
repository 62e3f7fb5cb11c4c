"""Answers that stand in for those of a route."""

from aiotravis.testing.rest.stubs import Stub, Stubs


def stubs(times: int | None) -> Stub:
    return Stub(503, b"<html>", {"Content-Type": "text/html"}, times)


def test_stub_is_used_the_given_number_of_times() -> None:
    answers = Stubs()
    answers.add("get", "/config", stubs(2))
    answers.add("GET", "/users", stubs(None))
    given = [answers.take("GET", "/config") is not None for _ in range(3)]
    assert given == [True, True, False]
    assert all(answers.take("GET", "/users") for _ in range(5))
    assert answers.take("POST", "/users") is None


def test_stub_response_has_its_status_body_and_headers() -> None:
    response = stubs(None).response()
    assert (response.status, response.body, response.headers["Content-Type"]) == (503, b"<html>", "text/html")


def test_losses_are_used_up_one_by_one() -> None:
    answers = Stubs()
    answers.lose("post", "/builds/1/cancel", 2)
    assert [answers.take_loss("POST", "/builds/1/cancel") for _ in range(4)] == [True, True, False, False]
    assert not answers.take_loss("GET", "/config")
