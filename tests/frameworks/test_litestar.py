"""The recipe for Litestar, which only the tests import: collecting them does not pay for it."""

import msgspec
import pytest

from aiotravis import Build, Travis
from aiotravis.testing import TravisServerThread


def test_the_recipe_answers_with_values(capsys: pytest.CaptureFixture[str]) -> None:
    from examples import litestar_service

    litestar_service.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("#5 failed, started 20")
    assert printed[5:] == ["no such build: 404", "described: Build, Commit, Job, Stage, State"]


def test_a_response_is_the_json_of_the_value() -> None:
    from litestar.testing import TestClient

    from examples import litestar_service

    with TravisServerThread() as thread:
        build = thread.world.repository("a/b").build(jobs=2)
        app = litestar_service.application(lambda: Travis(endpoint=thread.endpoint))
        with TestClient(app) as client:
            answer = client.get(f"/builds/{build.id}").content
    found = msgspec.json.decode(answer, type=Build)
    assert (found.id, len(found.jobs), found.to_json()) == (build.id, 2, answer)
