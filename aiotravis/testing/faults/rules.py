"""Faults on request: which requests and events they affect, by rule and reproducibly by seed. No I/O.

``server.faults.rest("/builds/*", chance=0.1).status(503)``, ``server.faults.live("job:log", chance=0.05).drop()``.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, Generic, Literal, TypeVar

__all__ = ["Fault", "Faults", "LiveFault", "LiveRule", "RestFault", "RestRule"]

MAX_RECORDED_FAULTS: Final = 100_000

F = TypeVar("F", "RestFault", "LiveFault")


@dataclass(frozen=True, kw_only=True)
class RestFault:
    """What happens to a request.

    Attributes:
        kind: ``status`` answers instead of the route; ``late`` delays the request; ``reset`` resets the connection
            before the request is processed; ``freeze`` never answers; ``truncate`` and ``garble`` damage the answer.
        seconds: For ``late``: the delay.
        at: For ``truncate``: bytes of the body to send.
        status: For ``status``: the HTTP status.
        body: For ``status``: the body.
        headers: For ``status``: the headers.
        processed: For ``status``: whether the route processes the request first.
    """

    kind: Literal["status", "late", "reset", "freeze", "truncate", "garble"]
    seconds: float = 0.0
    at: int = 0
    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    processed: bool = False


@dataclass(frozen=True, kw_only=True)
class LiveFault:
    """What happens to an event, or to a subscription.

    Attributes:
        kind: ``drop``, ``duplicate`` and ``late`` as they say; ``garble`` sends other bytes instead; ``cut`` ends the
            connection instead; ``refuse`` refuses a subscription.
        seconds: For ``late``: the delay.
    """

    kind: Literal["drop", "duplicate", "late", "garble", "cut", "refuse"]
    seconds: float = 0.0


@dataclass(frozen=True)
class Fault:
    """A fault that was injected.

    Attributes:
        kind: Kind of fault, such as ``status`` or ``drop``.
        about: The request (``GET /builds/7``), or the event and its channel (``job:log job-7``).
    """

    kind: str
    about: str


class FaultRule(Generic[F]):
    """Two patterns, how many matches to skip, how many to affect and how likely, and the fault."""

    def __init__(
        self,
        patterns: tuple[str, str],
        chance: float,
        times: int | None,
        after: int,
        activate: Callable[["FaultRule[F]"], None],
    ) -> None:
        if not 0 < chance <= 1:
            raise ValueError(f"chance must be above 0 and at most 1, not {chance}")
        if after < 0 or (times is not None and times < 0):
            raise ValueError(f"times and after must not be below 0, not {times} and {after}")
        self._patterns = patterns
        self._chance = chance
        self._remaining = times
        self._skip = after
        self._activate: Callable[[FaultRule[F]], None] = activate
        self.fault: F | None = None

    def _set_fault(self, fault: F) -> None:
        if self.fault is not None:
            raise RuntimeError("This rule has its fault. Make another rule for another fault.")
        self.fault = fault
        self._activate(self)

    def applies(self, names: tuple[str, str], chances: random.Random) -> bool:
        """Return whether the rule affects what has these names, and count it."""
        if self._remaining == 0 or not all(map(fnmatchcase, names, self._patterns)):
            return False
        if self._skip:
            self._skip -= 1
            return False
        # One number is taken for each match, so that the same seed affects the same matches.
        if chances.random() >= self._chance:
            return False
        if self._remaining is not None:
            self._remaining -= 1
        return True


class RestRule(FaultRule[RestFault]):
    """A rule for requests, made by `Faults.rest`. Its methods choose the fault, once: the rule applies from then on.

    Each method raises a RuntimeError if the rule has a fault already.

    Attributes:
        fault: The fault; None before one is chosen.
    """

    def status(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, processed: bool = False
    ) -> None:
        """Answer instead of the route.

        Args:
            status: HTTP status.
            body: Body of the answer.
            headers: All headers of the answer; Travis's own are not added.
            processed: Whether the route processes the request first, and only its answer is replaced.
        """
        fault = RestFault(kind="status", status=status, body=body, headers=headers or {}, processed=processed)
        self._set_fault(fault)

    def too_many(self, retry_after: int | None = None) -> None:
        """Answer 429 with ``retry_after`` in seconds as the Retry-After header or, as Travis does, without one."""
        # fact 1.4: text/plain, and no Retry-After.
        header = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.status(429, b"Retry later\n", {"Content-Type": "text/plain", **header})

    def ban(self) -> None:
        """Answer 403, as to a banned client."""
        # fact 9.2: of the five kinds of 403 this is the one with text/plain.
        self.status(403, b"Forbidden\n", {"Content-Type": "text/plain"})

    def late(self, seconds: float) -> None:
        """Delay the request by a number of seconds."""
        self._set_fault(RestFault(kind="late", seconds=seconds))

    def reset(self) -> None:
        """Reset the connection before the request is processed."""
        self._set_fault(RestFault(kind="reset"))

    def freeze(self) -> None:
        """Process the request only once the rules are cleared."""
        self._set_fault(RestFault(kind="freeze"))

    def truncate(self, at: int = 20) -> None:
        """Process the request, and cut its answer after ``at`` bytes of the body."""
        self._set_fault(RestFault(kind="truncate", at=at))

    def garble(self) -> None:
        """Process the request, and replace every byte of the body by another one."""
        self._set_fault(RestFault(kind="garble"))


class LiveRule(FaultRule[LiveFault]):
    """A rule for events, made by `Faults.live`. Its methods choose the fault, once: the rule applies from then on.

    Each method raises a RuntimeError if the rule has a fault already.

    Attributes:
        fault: The fault; None before one is chosen.
    """

    def drop(self) -> None:
        """Lose the event; the connection stays open."""
        self._set_fault(LiveFault(kind="drop"))

    def duplicate(self) -> None:
        """Send the event twice."""
        self._set_fault(LiveFault(kind="duplicate"))

    def late(self, seconds: float) -> None:
        """Delay the event by a number of seconds; later events overtake it."""
        self._set_fault(LiveFault(kind="late", seconds=seconds))

    def garble(self) -> None:
        """Send other bytes instead of the event."""
        self._set_fault(LiveFault(kind="garble"))

    def cut(self) -> None:
        """End the connections that would have received the event."""
        self._set_fault(LiveFault(kind="cut"))

    def refuse(self) -> None:
        """Refuse subscriptions to the channels."""
        self._set_fault(LiveFault(kind="refuse"))


class Faults:
    """The rules of a server. The first rule that applies decides, in the order in which their faults were chosen.

    Args:
        seed: Seed of the random numbers: the same seed, rules and requests give the same faults.
        max_records: Number of faults to record; None for all.

    Attributes:
        made: The last faults that were injected.
    """

    def __init__(self, seed: int = 0, *, max_records: int | None = MAX_RECORDED_FAULTS) -> None:
        self._chances = random.Random(seed)  # noqa: S311 - not used for secrets
        self._rest: list[FaultRule[RestFault]] = []
        self._live: list[FaultRule[LiveFault]] = []
        self._on_clear: list[Callable[[], None]] = []
        self.made: deque[Fault] = deque(maxlen=max_records)

    def seed(self, seed: int) -> None:
        """Restart the random numbers: the same seed, rules and requests give the same faults."""
        self._chances.seed(seed)

    def rest(
        self, path: str = "*", *, method: str = "*", chance: float = 1.0, times: int | None = None, after: int = 0
    ) -> RestRule:
        """Return a rule for requests; it applies once one of its methods has chosen the fault.

        Args:
            path: Pattern of the path below the endpoint, without query: ``/builds/*``; ``*`` matches slashes too.
            method: Pattern of the HTTP method, in any case.
            chance: Probability for each match, above 0 and at most 1.
            times: Number of requests to affect; None for no limit.
            after: Number of matches to skip first.

        Raises:
            ValueError: The chance is not above 0, or above 1; ``times`` or ``after`` is below 0.
        """
        return RestRule((method.upper(), path), chance, times, after, self._rest.append)

    def live(
        self, event: str = "*", *, channel: str = "*", chance: float = 1.0, times: int | None = None, after: int = 0
    ) -> LiveRule:
        """Return a rule for events or subscriptions; it applies once one of its methods has chosen the fault.

        An event counts once for each of its occupied channels, however many clients subscribe to it.

        Args:
            event: Pattern of the event's name: ``job:*``; that of a subscription is ``pusher:subscribe``.
            channel: Pattern of the channel's name.
            chance: Probability for each match, above 0 and at most 1.
            times: Number of events to affect; None for no limit.
            after: Number of matches to skip first.

        Raises:
            ValueError: The chance is not above 0, or above 1; ``times`` or ``after`` is below 0.
        """
        return LiveRule((event, channel), chance, times, after, self._live.append)

    def clear(self) -> None:
        """Remove every rule; frozen requests are processed."""
        self._rest.clear()
        self._live.clear()
        calls, self._on_clear = self._on_clear, []
        for call in calls:
            call()

    def when_cleared(self, call: Callable[[], None]) -> None:
        """``call`` a function once, when the rules are cleared."""
        self._on_clear.append(call)

    def for_request(self, method: str, path: str) -> RestFault | None:
        """Return the fault of a ``method`` and a ``path`` without query, and record it; None for none."""
        return self._first(self._rest, (method, path), f"{method} {path}")

    def for_event(self, event: str, channel: str) -> LiveFault | None:
        """Return the fault of an event on a channel, and record it; None for none."""
        rules = [rule for rule in self._live if rule.fault is not None and rule.fault.kind != "refuse"]
        return self._first(rules, (event, channel), f"{event} {channel}")

    def refuses(self, channel: str) -> bool:
        """Return whether to refuse a subscription to a channel, and record it."""
        rules = [rule for rule in self._live if rule.fault is not None and rule.fault.kind == "refuse"]
        return self._first(rules, ("pusher:subscribe", channel), f"pusher:subscribe {channel}") is not None

    def garbled(self, body: bytes) -> bytes:
        """Return as many bytes as ``body`` has, each of which differs from the original."""
        return bytes(byte ^ self._chances.randrange(1, 256) for byte in body)

    def _first(self, rules: Sequence[FaultRule[F]], names: tuple[str, str], about: str) -> F | None:
        for rule in rules:
            if rule.applies(names, self._chances) and rule.fault is not None:
                self.made.append(Fault(rule.fault.kind, about))
                return rule.fault
        return None
