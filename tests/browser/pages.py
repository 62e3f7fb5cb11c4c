"""Expectations about a page, and their timeout."""

from typing import Any

import pytest

from aiotravis.testing import Build, Job

TIMEOUT = 30_000
"""Milliseconds to wait for an expectation."""


def expect(one: Any) -> Any:
    """Return expectations about a part of the page, which wait until they hold."""
    playwright: Any = pytest.importorskip("playwright.async_api")
    return playwright.expect(one)


class Complaints(list[str]):
    """Errors and warnings of a page."""


async def shows(page: Any, selector: str, text: str) -> None:
    """Wait until an element contains a text."""
    await expect(page.locator(selector)).to_contain_text(text, timeout=TIMEOUT)


def of(build: Build) -> str:
    return f'.build[data-id="{build.id}"]'


def log_of(job: Job) -> str:
    return f'[data-job="{job.id}"]'
