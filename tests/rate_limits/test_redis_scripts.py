"""The Lua scripts, on a real Redis."""

import re
from pathlib import Path

import pytest

from aiotravis.rate_limits import redis_scripts as scripts
from tests.rate_limits.redis_server import needs_redis, running_redis

ALL = {name: getattr(scripts, name) for name in scripts.__all__ if name != "KEYS"}


@pytest.mark.parametrize("name", ALL)
def test_scripts_use_no_key_that_they_do_not_declare(name: str) -> None:
    used = {int(number) for number in re.findall(r"KEYS\[(\d)\]", ALL[name])}
    assert used <= set(range(1, len(scripts.KEYS) + 1))
    assert "{{" not in ALL[name]


@needs_redis
def test_redis_takes_all_scripts(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        for name, text in ALL.items():
            assert server.command("SCRIPT", "LOAD", text).startswith(b"$40"), name
