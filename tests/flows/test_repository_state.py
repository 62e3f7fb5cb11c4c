"""The merge of reads and events: any story of a repository ends with its truth."""

import os
from collections.abc import Callable

import pytest

from tests import autojump
from tests.flows.watch_stories import Story

STORIES = int(os.environ.get("AIOTRAVIS_WATCH_STORIES", "500"))


async def tell(seed: int) -> Story:
    story = Story(seed)
    story.failing = seed % 3 == 0
    for _ in range(story.draw.choice((5, 20, 60))):
        for _ in range(story.draw.randrange(8)):
            await story.happen()
        if story.draw.random() < 0.5:
            await story.read()
    await story.rest()
    return story


@pytest.mark.parametrize("block", range(5))
def test_at_rest_one_reconciliation_leads_to_the_truth(block: int) -> None:
    for seed in range(block, STORIES, 5):

        async def main(_: Callable[[], float], seed: int = seed) -> Story:
            return await tell(seed)

        story = autojump.run(main, settling=0)
        assert story.look() == story.world.truth(), f"story {seed}"
        assert story.state.due == [], f"story {seed}"
        assert story.older == 0, f"story {seed}: an older state came after a newer one"
