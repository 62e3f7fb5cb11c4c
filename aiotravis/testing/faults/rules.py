"""Faults on request: which request or event is harmed, and how, by rule and by seed. No I/O.

``server.faults.rest("/builds/*", chance=0.1).status(503)``, ``server.faults.live("job:log", chance=0.05).drop()``.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, Generic, Literal, TypeVar

__all__ = ["Fault", "Faults", "LiveFault", "LiveRule", "RestFault", "RestRule"]

RECORDED: Final = 10_000
"""Faults that are remembered."""

F = TypeVar("F")


@dataclass(frozen=True, kw_only=True)
class RestFault:
    """What is done to a request.

    Attributes:
        kind: ``status`` answers in place of the route; ``late`` lets it wait; ``reset`` cuts the connection before
            anything is done; ``freeze`` never answers; ``truncate`` and ``garble`` let it be done and spoil the answer.
        seconds: For ``late``: how long it waits.
        at: For ``truncate``: bytes of the body that still come.
        status: For ``status``: the HTTP status.
        body: For ``status``: the body.
        headers: For ``status``: the headers.
    """

    kind: Literal["status", "late", "reset", "freeze", "truncate", "garble"]
    seconds: float = 0.0
    at: int = 0
    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class LiveFault:
    """What is done to an event, or to a subscription.

    Attributes:
        kind: ``drop``, ``duplicate`` and ``late`` say it; ``garble`` sends junk in its place; ``cut`` ends the
            connection in its place; ``refuse`` refuses a subscription.
        seconds: For ``late``: how long it waits.
    """

    kind: Literal["drop", "duplicate", "late", "garble", "cut", "refuse"]
    seconds: float = 0.0


@dataclass(frozen=True)
class Fault:
    """A fault that was made.

    Attributes:
        kind: As in `RestFault` and `LiveFault`.
        about: The request (``GET /builds/7``), or the event and its channel (``job:log job-7``).
    """

    kind: str
    about: str


class _Rule(Generic[F]):
    """What to harm: things that match two patterns, from some place on, so often, by chance."""

    def __init__(
        self,
        patterns: tuple[str, str],
        chance: float,
        times: int | None,
        after: int,
        take: Callable[["_Rule[F]"], None],
    ) -> None:
        if not 0 < chance <= 1:
            raise ValueError(f"chance must be above 0 and at most 1, not {chance}")
        if after < 0 or (times is not None and times < 0):
            raise ValueError(f"times and after must not be below 0, not {times} and {after}")
        self._patterns = patterns
        self._chance = chance
        self._left = times
        self._skip = after
        self._take = take
        self.fault: F | None = None

    def _is(self, fault: F) -> None:
        if self.fault is not None:
            raise RuntimeError("This rule has its fault. Make another rule for another fault.")
        self.fault = fault
        self._take(self)

    def strikes(self, about: tuple[str, str], draw: random.Random) -> bool:
        """Tell whether something is harmed by it.

        Args:
            about: What the patterns are held against.
            draw: Gives chance; asked once for each thing that matches, so that the same seed harms the same things.
        """
        if self._left == 0 or not all(map(fnmatchcase, about, self._patterns)):
            return False
        if self._skip:
            self._skip -= 1
            return False
        if draw.random() >= self._chance:
            return False
        if self._left is not None:
            self._left -= 1
        return True


class RestRule(_Rule[RestFault]):
    """Requests that are meant; say what happens to them, once: in force from then on. `Faults.rest` makes it.

    Each method raises a RuntimeError where it has been said before.

    Attributes:
        fault: What happens to them; None: nobody has said so far.
    """

    def status(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Answer with something else; the route is not reached.

        Args:
            status: HTTP status.
            body: Sent as it is.
            headers: Sent as they are; nothing that Travis puts beside them is there.
        """
        self._is(RestFault(kind="status", status=status, body=body, headers=headers or {}))

    def too_many(self, retry_after: int | None = None) -> None:
        """Throttle: answer with a 429.

        Args:
            retry_after: Seconds that the answer tells to wait; None: it tells none, as Travis does.
        """
        told = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.status(429, b"Retry later\n", {"Content-Type": "text/plain", **told})

    def ban(self) -> None:
        """Answer as to somebody who is banned: with a 403."""
        self.status(403, b"Forbidden\n", {"Content-Type": "text/plain"})

    def late(self, seconds: float) -> None:
        """Let it wait, and then do what is asked.

        Args:
            seconds: How long.
        """
        self._is(RestFault(kind="late", seconds=seconds))

    def reset(self) -> None:
        """Cut the connection, by a reset, before anything is done."""
        self._is(RestFault(kind="reset"))

    def freeze(self) -> None:
        """Never answer, until the rules are cleared: then do what is asked."""
        self._is(RestFault(kind="freeze"))

    def truncate(self, at: int = 20) -> None:
        """Do what is asked, and cut the answer.

        Args:
            at: Bytes of its body that still come.
        """
        self._is(RestFault(kind="truncate", at=at))

    def garble(self) -> None:
        """Do what is asked, and send other bytes, as many."""
        self._is(RestFault(kind="garble"))


class LiveRule(_Rule[LiveFault]):
    """Events that are meant; say what happens to them, once: in force from then on. `Faults.live` makes it.

    Each method raises a RuntimeError where it has been said before.

    Attributes:
        fault: What happens to them; None: nobody has said so far.
    """

    def drop(self) -> None:
        """Lose it; the connection stays open."""
        self._is(LiveFault(kind="drop"))

    def duplicate(self) -> None:
        """Send it twice."""
        self._is(LiveFault(kind="duplicate"))

    def late(self, seconds: float) -> None:
        """Send it later; what follows overtakes it.

        Args:
            seconds: How much later.
        """
        self._is(LiveFault(kind="late", seconds=seconds))

    def garble(self) -> None:
        """Send junk in its place."""
        self._is(LiveFault(kind="garble"))

    def cut(self) -> None:
        """End the connections that it would have gone to, in its place."""
        self._is(LiveFault(kind="cut"))

    def refuse(self) -> None:
        """Refuse subscriptions to the channels."""
        self._is(LiveFault(kind="refuse"))


class Faults:
    """The rules of one server; the first that strikes is the one, in the order in which they came into force.

    Args:
        seed: The same seed, rules and requests have the same faults.

    Attributes:
        made: The last 10,000 faults that were made.
    """

    def __init__(self, seed: int = 0) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - mishaps, not secrets
        self._rest: list[_Rule[RestFault]] = []
        self._live: list[_Rule[LiveFault]] = []
        self._cleared: list[Callable[[], None]] = []
        self.made: deque[Fault] = deque(maxlen=RECORDED)

    def seed(self, seed: int) -> None:
        """Begin the sequence of chances anew: the same seed, rules and requests have the same faults.

        Args:
            seed: Any number.
        """
        self._draw.seed(seed)

    def rest(
        self, path: str = "*", *, method: str = "*", chance: float = 1.0, times: int | None = None, after: int = 0
    ) -> RestRule:
        """Mean requests.

        Args:
            path: Pattern of the path below the endpoint, without query: ``/builds/*``; ``*`` stands for slashes, too.
            method: Pattern of the HTTP method, in any case.
            chance: How likely each is harmed, above 0, at most 1.
            times: How many are harmed in all; None: no end.
            after: How many that match are spared first.

        Returns:
            The rule, which harms nothing before one of its methods says how.

        Raises:
            ValueError: The chance is not above 0, or above 1; ``times`` or ``after`` is below 0.
        """
        return RestRule((method.upper(), path), chance, times, after, self._rest.append)

    def live(
        self, event: str = "*", *, channel: str = "*", chance: float = 1.0, times: int | None = None, after: int = 0
    ) -> LiveRule:
        """Mean events, or for ``refuse`` subscriptions.

        An event counts once on each of its channels that anybody listens to, however many do.

        Args:
            event: Pattern of the event's name: ``job:*``; that of a subscription is ``pusher:subscribe``.
            channel: Pattern of the channel's name.
            chance: How likely each is harmed, above 0, at most 1.
            times: How many are harmed in all; None: no end.
            after: How many that match are spared first.

        Returns:
            The rule, which harms nothing before one of its methods says how.

        Raises:
            ValueError: The chance is not above 0, or above 1; ``times`` or ``after`` is below 0.
        """
        return LiveRule((event, channel), chance, times, after, self._live.append)

    def clear(self) -> None:
        """End every fault; what was frozen is let go."""
        self._rest.clear()
        self._live.clear()
        let_go, self._cleared = self._cleared, []
        for call in let_go:
            call()

    def when_cleared(self, call: Callable[[], None]) -> None:
        """Have something called when the rules are cleared the next time.

        Args:
            call: What to call.
        """
        self._cleared.append(call)

    def for_request(self, method: str, path: str) -> RestFault | None:
        """Tell what happens to a request; whatever that is, is made, and counts.

        Args:
            method: HTTP method, in upper case.
            path: Path below the endpoint, without query.

        Returns:
            What is done to it; None: nothing.
        """
        return self._struck(self._rest, (method, path), f"{method} {path}")

    def for_event(self, event: str, channel: str) -> LiveFault | None:
        """Tell what happens to an event on its way to those who listen; whatever that is, is made, and counts.

        Args:
            event: Name of the event.
            channel: Name of the channel.

        Returns:
            What is done to it; None: nothing.
        """
        rules = [rule for rule in self._live if rule.fault is not None and rule.fault.kind != "refuse"]
        return self._struck(rules, (event, channel), f"{event} {channel}")

    def refuses(self, channel: str) -> bool:
        """Tell whether a subscription is refused; if so, that is made, and counts.

        Args:
            channel: Name of the channel.
        """
        rules = [rule for rule in self._live if rule.fault is not None and rule.fault.kind == "refuse"]
        return self._struck(rules, ("pusher:subscribe", channel), f"pusher:subscribe {channel}") is not None

    def garbled(self, body: bytes) -> bytes:
        """Give other bytes, as many; no byte stays what it was.

        Args:
            body: What there was.
        """
        return bytes(byte ^ self._draw.randrange(1, 256) for byte in body)

    def _struck(self, rules: "Sequence[_Rule[F]]", about: tuple[str, str], told: str) -> F | None:
        for rule in rules:
            if rule.strikes(about, self._draw) and rule.fault is not None:
                self.made.append(Fault(getattr(rule.fault, "kind", ""), told))
                return rule.fault
        return None
