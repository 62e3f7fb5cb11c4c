"""Differences between installations of Travis that no version implies, and what varies from time to time."""

import random
from dataclasses import dataclass, field
from typing import Literal, get_args

__all__ = ["Gatekeeper", "Switches"]

Gatekeeper = Literal["approves", "rejects", "silent"]
"""What becomes of requests for builds: a build, a rejection, or nothing ever."""


@dataclass
class Switches:
    """Options that may be changed while the server runs; the defaults are what Travis documents.

    Attributes:
        force_authentication: Whether anonymous requests are refused, except for ``/``, ``/config`` and ``/auth/*``.
        user_agent_required: Whether requests without a User-Agent get a 400.
        version_2_1: Whether version 2.1 is available; else it gets a 406.
        requests_fail: Whether ``GET /requests`` fails with a 500 on ``limit`` and ``older_than``, as today's code does.
        caching: Whether the installation has caches; else every list of them is empty.
        ssh_keys: Whether repositories may have SSH keys; None for the default of the mode: everywhere but on org.
        uptime_error: Error of ``GET /uptime``, or None.
        lint_fails: Whether the service behind ``/lint`` is down.
        repeated_numbers: Whether builds get the number of the build before them: every tenth number is given twice.
        dropped_restarts: Whether restarts over HTTP are granted, and then never happen.
        gatekeeper: What becomes of requests for builds that are made over HTTP, at the second response that shows them;
            at once with ``instant``.
        rejection: Reason of the gatekeeper that rejects.
        target_origins: Hosts to which the handshake may send a token, beside Travis's own and this machine.
        date_offset: Seconds by which the ``Date`` of every response is ahead of the world's clock.
        chance: Probability with which each of these happens, in place of the rule: the next build repeats a number, a
            restart is dropped (each where it is switched on), a queued restart takes effect at a read, a request is
            decided on at a read, a log is there at a read. It also picks the form of unavailable logs. Above 0 and at
            most 1; None for the rules, which leave nothing to chance.
        seed: Seed of the chance, read once: the same seed and requests give the same answers.

    Raises:
        ValueError: ``chance`` is not above 0, or above 1; ``gatekeeper`` is unknown.
    """

    force_authentication: bool = False
    user_agent_required: bool = False
    version_2_1: bool = True
    requests_fail: bool = False
    caching: bool = True
    ssh_keys: bool | None = None
    uptime_error: str | None = None
    lint_fails: bool = False
    repeated_numbers: bool = False
    dropped_restarts: bool = False
    gatekeeper: Gatekeeper = "approves"
    rejection: str = "Build skipped via commit message"
    target_origins: tuple[str, ...] = ()
    date_offset: float = 0.0
    chance: float | None = None
    seed: int = 0
    _random: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.chance is not None and not 0 < self.chance <= 1:
            raise ValueError(f"chance must be above 0 and at most 1, not {self.chance}")
        if self.gatekeeper not in get_args(Gatekeeper):
            raise ValueError(f"gatekeeper must be one of {', '.join(get_args(Gatekeeper))}, not {self.gatekeeper!r}")
        self._random = random.Random(self.seed)  # noqa: S311 - not used for secrets

    def happens(self, rule: bool) -> bool:
        """Return whether something happens: by chance, or else as the rule says.

        Args:
            rule: What happens without a chance.
        """
        return rule if self.chance is None else self._random.random() < self.chance

    def pick(self, rule: int, count: int) -> int:
        """Return a number below a count: by chance, or else the remainder of a number.

        Args:
            rule: Number whose remainder is taken without a chance.
            count: Number of choices.
        """
        return rule % count if self.chance is None else self._random.randrange(count)

    def repeats_number(self, number: int, shared: bool) -> bool:
        """Return whether the next build gets a number again.

        Args:
            number: Number of the last build.
            shared: Whether the build before it has that number, too.
        """
        # fact 10.1: a push and its pull request, or two pushes at once, get the same number.
        return self.repeated_numbers and self.happens(number % 10 == 0 and not shared)
