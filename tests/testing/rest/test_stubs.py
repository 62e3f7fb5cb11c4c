"""Answers that stand in for those of a route."""

from aiotravis.testing.rest.stubs import Stub, Stubs


def stubs(times: int | None) -> Stub:
    return Stub(503, b"<html>", {"Content-Type": "text/html"}, times)


def test_what_stands_in_is_given_as_often_as_was_said() -> None:
    answers = Stubs()
    answers.add("get", "/config", stubs(2))
    answers.add("GET", "/users", stubs(None))
    given = [answers.take("GET", "/config") is not None for _ in range(3)]
    assert given == [True, True, False]
    assert all(answers.take("GET", "/users") for _ in range(5))
    assert answers.take("POST", "/users") is None


def test_it_is_given_as_it_is() -> None:
    response = stubs(None).response()
    assert (response.status, response.body, response.headers["Content-Type"]) == (503, b"<html>", "text/html")


def test_so_many_answers_get_lost() -> None:
    answers = Stubs()
    answers.lose("post", "/builds/1/cancel", 2)
    assert [answers.take_loss("POST", "/builds/1/cancel") for _ in range(4)] == [True, True, False, False]
    assert not answers.take_loss("GET", "/config")
