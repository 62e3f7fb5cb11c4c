"""Differences between installations of Travis that no version implies."""

from dataclasses import dataclass

__all__ = ["Switches"]


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
    """

    force_authentication: bool = False
    user_agent_required: bool = False
    version_2_1: bool = True
    requests_fail: bool = False
    caching: bool = True
    ssh_keys: bool | None = None
    uptime_error: str | None = None
    lint_fails: bool = False
