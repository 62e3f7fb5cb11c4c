"""Which URLs the configuration of a build wants webhooks sent to, and when.

https://docs.travis-ci.com/user/notifications/#configuring-webhook-notifications
"""

from collections.abc import Iterator, Mapping
from typing import Final, cast
from urllib.parse import urlsplit

from aiotravis.testing.world.builds import Build
from aiotravis.testing.world.stages import TERMINAL

__all__ = ["is_loopback", "previous_state", "webhook_targets"]

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def webhook_targets(build: Build, event: str) -> list[str]:
    """Return the URLs in ``notifications.webhooks`` that are to hear of an event of a build.

    Args:
        build: The build, as it is after the event.
        event: ``build:started``, ``build:finished`` or ``build:canceled``.
    """
    notifications = build.config.get("notifications")
    given = cast("Mapping[str, object]", notifications).get("webhooks") if isinstance(notifications, Mapping) else None
    return list(dict.fromkeys(_targets(given, build, event)))


def previous_state(build: Build) -> str | None:
    """Return the state of the build before it on its branch that has ended, or None."""
    earlier = [one for one in build.repository.builds if one.id < build.id and one.commit.branch == build.commit.branch]
    return next((one.state for one in reversed(earlier) if one.state in TERMINAL), None)


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine."""
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False


def _targets(given: object, build: Build, event: str) -> Iterator[str]:
    # fact beyond 2.4: a URL, several with commas, a list, a mapping with urls, or a list of these.
    if isinstance(given, str):
        if _is_wanted({}, build, event):
            yield from filter(None, (url.strip() for url in given.split(",")))
    elif isinstance(given, list | tuple):
        for one in cast("list[object]", given):
            yield from _targets(one, build, event)
    elif isinstance(given, Mapping):
        rules = cast("Mapping[str, object]", given)
        # Encrypted URLs cannot be read here: {"secure": ...}.
        if _is_wanted(rules, build, event):
            yield from _targets(rules.get("urls"), build, "")


def _is_wanted(rules: Mapping[str, object], build: Build, event: str) -> bool:
    if not event:
        return True  # A URL of a mapping whose rules want it.
    if event == "build:started":
        # fact beyond 2.4: only so; "change" sends nothing.
        return rules.get("on_start") in ("always", True)
    # fact beyond 2.4: an errored build goes by on_failure; on_error has no effect.
    rule = "on_success" if build.state == "passed" else "on_failure"
    if event == "build:canceled":
        rule = "on_cancel"
    match rules.get(rule, "always"):
        case "never" | False:
            return False
        case "change":
            before = previous_state(build)
            return before is None or (before == "passed") != (rule == "on_success")
        case _:
            return True
