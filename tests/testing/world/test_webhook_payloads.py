"""What notifications say, beside what the tables of conformance check."""

import json
from typing import Any

import pytest

from aiotravis.testing import Build, World
from aiotravis.testing.world.webhook_payloads import webhook_payload


def payload(build: Build) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(webhook_payload(build))
    return read


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (None, "passed", "Passed"), ("passed", "passed", "Passed"), ("failed", "passed", "Fixed"),
        ("errored", "passed", "Passed"), ("passed", "failed", "Broken"), ("failed", "failed", "Still Failing"),
        (None, "failed", "Failed"), ("failed", "errored", "Errored"), ("passed", "canceled", "Canceled"),
    ],
)  # fmt: skip
def test_the_message_compares_with_the_build_before_on_the_branch(before: str | None, now: str, message: str) -> None:
    repository = World().repository("a/b")
    if before is not None:
        repository.build().start().finish(before)
    repository.build(branch="other").start().finish("failed")
    repository.build()
    build = repository.build().start()
    assert (payload(build)["status_message"], payload(build)["status"]) == ("Pending", None)
    build.finish(now)
    sent = payload(build)
    assert sent["status_message"] == sent["result_message"] == message
    assert sent["status"] == sent["result"] == {"passed": 0, "failed": 1, "errored": 1}.get(now)


def test_the_text_has_the_escapes_of_rails_and_everything_else_as_it_is() -> None:
    text = webhook_payload(World().repository("a/b").build(message="<é> & \u2028 100%"))
    assert r"\u003cé\u003e \u0026 \u2028 100%" in text
    assert ": " not in text
