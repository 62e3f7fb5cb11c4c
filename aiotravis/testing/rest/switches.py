"""In what one installation of Travis differs from another, where no version of the server says so."""

from dataclasses import dataclass

__all__ = ["Switches"]


@dataclass
class Switches:
    """What may be switched while the server runs; all stands as documented by default.

    Attributes:
        force_authentication: Whether nobody without a token gets anything but ``/``, ``/config`` and ``/auth/*``.
        user_agent_required: Whether who does not say what program it is gets a 400.
        version_2_1: Whether version 2.1 may be asked for; else it is a 406.
        requests_fail: Whether ``GET /requests`` fails with a 500 on ``limit`` and on ``older_than``, as the code of
            today's server reads.
        caching: Whether the installation keeps caches at all; else nobody has any.
        ssh_keys: Whether repositories may have SSH keys; None: as the mode has it, on all sites but org.
        uptime_error: What ``GET /uptime`` complains of; None: nothing.
        lint_fails: Whether the service that checks a .travis.yml is down.
    """

    force_authentication: bool = False
    user_agent_required: bool = False
    version_2_1: bool = True
    requests_fail: bool = False
    caching: bool = True
    ssh_keys: bool | None = None
    uptime_error: str | None = None
    lint_fails: bool = False
