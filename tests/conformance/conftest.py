"""What the tables share: one server per module for all rows that only read."""

from collections.abc import AsyncGenerator

import pytest

from tests.conformance.scene import SharedScenes


@pytest.fixture(scope="module")
async def scenes() -> AsyncGenerator[SharedScenes]:
    """Scenes that the rows of a module share; for requests that change nothing."""
    scenes = SharedScenes()
    yield scenes
    await scenes.close()
