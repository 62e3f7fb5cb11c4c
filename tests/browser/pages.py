"""What is looked for on a page, and for how long."""

from typing import Any

import pytest

from aiotravis.testing import Build, Job

PATIENCE = 30_000
"""Milliseconds that something may take to show."""


def expect(one: Any) -> Any:
    """Wait for what is expected of a part of the page."""
    playwright: Any = pytest.importorskip("playwright.async_api")
    return playwright.expect(one)


class Complaints(list[str]):
    """What a page's console and its errors said."""


async def shows(page: Any, selector: str, text: str) -> None:
    """Wait until an element says something."""
    await expect(page.locator(selector)).to_contain_text(text, timeout=PATIENCE)


def of(build: Build) -> str:
    return f'.build[data-id="{build.id}"]'


def log_of(job: Job) -> str:
    return f'[data-job="{job.id}"]'
