"""What users see of the limits."""

import json
from datetime import UTC, datetime

from aiotravis.rate_limits.snapshot import Limits


def test_limits_become_json() -> None:
    limits = Limits(
        room=7, posts=3, waiting=2, waiting_posts=1, waiting_low=0, next_window=12.5, paused=0.0,
        banned_until=datetime(2026, 11, 27, 18, tzinfo=UTC), store="machine", problem=None,
    )  # fmt: skip
    assert json.loads(json.dumps(limits.to_dict())) == {
        "room": 7, "posts": 3, "waiting": 2, "waiting_posts": 1, "waiting_low": 0, "next_window": 12.5, "paused": 0.0,
        "banned_until": "2026-11-27T18:00:00+00:00", "store": "machine", "problem": None,
    }  # fmt: skip
