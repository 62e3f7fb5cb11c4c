"""Which URLs of a configuration hear of which event of a build."""

from typing import Any

import pytest

from aiotravis.testing import World
from aiotravis.testing.world.webhook_targets import is_loopback, previous_state, webhook_targets

A, B, C = "https://a.example.org/1", "https://b.example.org/2", "https://c.example.org/3"


def heard(webhooks: Any, event: str, state: str, before: str | None = None) -> list[str]:
    """Return who hears of an event of a build that has a state, after one on its branch that had another."""
    repository = World().repository("a/b")
    if before is not None:
        repository.build().start().finish(before)
    build = repository.build()
    build.state = state
    build.config = {"notifications": {"webhooks": webhooks}}
    return webhook_targets(build, event)


@pytest.mark.parametrize(
    ("webhooks", "urls"),
    [
        (A, [A]), (f"{A}, {B}", [A, B]), (f"{A},,{B},", [A, B]), ([A, B], [A, B]), ([A, f"{B},{C}"], [A, B, C]),
        ({"urls": A}, [A]), ({"urls": [A, B]}, [A, B]), ({"urls": f"{A},{B}"}, [A, B]), ([{"urls": A}, B], [A, B]),
        ([{"urls": [A], "on_success": "never"}, {"urls": [B]}], [B]), ([A, A], [A]), ((A,), [A]),
        ({"urls": {"secure": "x"}}, []), ([{"secure": "x"}, A], [A]), ({}, []), ({"urls": None}, []), (None, []),
        (False, []), (True, []), (5, []), ("", []), ([None, 5, A], [A]),
    ],
)  # fmt: skip
def test_each_spelling_names_its_urls(webhooks: Any, urls: list[str]) -> None:
    assert heard(webhooks, "build:finished", "passed") == urls


@pytest.mark.parametrize(
    "notifications", [None, False, True, "x", ["webhooks"], {}, {"email": False}, {"webhooks": None}]
)
def test_other_notifications_name_no_urls(notifications: Any) -> None:
    build = World().repository("a/b").build()
    for config in ({"notifications": notifications}, {}):
        build.config = config
        assert webhook_targets(build, "build:finished") == []


@pytest.mark.parametrize(
    ("rules", "event", "state", "before", "is_sent"),
    [
        ({}, "started", "started", None, False),
        ({"on_start": "always"}, "started", "started", None, True),
        ({"on_start": True}, "started", "started", None, True),
        ({"on_start": "change"}, "started", "started", None, False),
        ({"on_start": "never"}, "started", "started", None, False),
        ({"on_start": False}, "started", "started", None, False),
        ({}, "finished", "passed", None, True),
        ({}, "finished", "failed", None, True),
        ({}, "canceled", "canceled", None, True),
        ({"on_success": "never"}, "finished", "passed", None, False),
        ({"on_success": False}, "finished", "passed", None, False),
        ({"on_success": "never"}, "finished", "failed", None, True),
        ({"on_success": True}, "finished", "passed", None, True),
        ({"on_success": "change"}, "finished", "passed", "passed", False),
        ({"on_success": "change"}, "finished", "passed", "failed", True),
        ({"on_success": "change"}, "finished", "passed", "errored", True),
        ({"on_success": "change"}, "finished", "passed", None, True),
        ({"on_failure": "change"}, "finished", "failed", "passed", True),
        ({"on_failure": "change"}, "finished", "failed", "failed", False),
        ({"on_failure": "change"}, "finished", "errored", "passed", True),
        ({"on_failure": "change"}, "finished", "failed", None, True),
        ({"on_failure": "never"}, "finished", "errored", None, False),
        ({"on_error": "never"}, "finished", "errored", None, True),
        ({"on_failure": "never"}, "finished", "canceled", None, False),
        ({"on_cancel": "never"}, "finished", "canceled", None, True),
        ({"on_cancel": "never"}, "canceled", "canceled", None, False),
        ({"on_failure": "never"}, "canceled", "canceled", None, True),
        ({"on_success": ["never"]}, "finished", "passed", None, True),
        ({"on_start": ["always"]}, "started", "started", None, False),
    ],
)  # fmt: skip
def test_rules_choose_the_events(rules: Any, event: str, state: str, before: str | None, is_sent: bool) -> None:
    assert heard({"urls": [A], **rules}, f"build:{event}", state, before) == [A] * is_sent


def test_the_previous_build_is_the_last_of_the_branch_that_ended() -> None:
    repository = World().repository("a/b")
    repository.build().start().finish("failed")
    repository.build(branch="other").start().finish("errored")
    repository.build().start()
    build = repository.build()
    assert previous_state(build) == "failed"
    assert previous_state(repository.builds[0]) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080/x", True), ("http://localhost/x", True), ("http://[::1]:80/", True),
        ("http://LOCALHOST/", True), ("https://example.org/127.0.0.1", False), ("http://127.0.0.1.example.org/", False),
        ("http://127.0.0.1@example.org/", False), ("http://[", False), ("", False), ("localhost", False),
    ],
)  # fmt: skip
def test_only_urls_of_this_machine_are_local(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected
