"""What other processes have reported takes effect."""

from datetime import UTC, datetime

from aiotravis.rate_limits.bans import Ban
from aiotravis.rate_limits.shared_state import SharedState, apply
from tests.rate_limits.model import Clock, limiter_at


def test_pauses_and_bans_of_other_processes_hold_here() -> None:
    limiter = limiter_at(Clock())
    apply(limiter, SharedState(paused_until=6030.0))
    assert limiter.snapshot("machine").paused == 30.0
    ban = Ban(7000.0, datetime.fromtimestamp(7000, UTC), "Wait.", shared=True)
    apply(limiter, SharedState(ban=ban))
    assert limiter.snapshot("machine").banned_until == ban.lifted_at
    apply(limiter, SharedState())
    assert limiter.snapshot("machine").banned_until is None
    assert limiter.snapshot("machine").paused == 30.0


def test_a_ban_that_nobody_else_knows_of_holds_here_all_the_same() -> None:
    limiter = limiter_at(Clock())
    limiter.set_ban(Ban(7000.0, datetime.fromtimestamp(7000, UTC), "Wait."), "403 Forbidden")
    apply(limiter, SharedState())
    assert limiter.current_ban is not None
