"""What is delivered of a log: nothing twice, nothing back, everything that follows."""

from aiotravis import LogPart, LogReset
from aiotravis.follow_log.delivery import LogDelivery
from aiotravis.follow_log.sources import Snapshot
from aiotravis.follow_log.spooled_text import SpooledText


def delivered(*contents: str) -> LogDelivery:
    """Return a delivery of some parts of a job that has ended."""
    delivery = LogDelivery()
    delivery.add_parts([LogPart(number=number, content=content) for number, content in enumerate(contents)])
    delivery.ready.clear()
    delivery.job_ended = True
    return delivery


async def merged(delivery: LogDelivery, stored: str) -> list[LogPart]:
    text = SpooledText.of(stored, delivery.delivered)
    await text.compare(delivery.held_texts)
    delivery.merge_whole(Snapshot(text=text))
    while delivery.remainder is not None:
        content = await delivery.remainder.read()
        delivery.deliver_text(content, last=delivery.remainder.exhausted)
    given = list(delivery.ready)
    delivery.ready.clear()
    return given


async def test_a_stored_text_is_read_on_where_it_was_left() -> None:
    delivery = delivered("one, ", "two, ")
    assert [part.content for part in await merged(delivery, "one, two, three, ")] == ["three, "]
    assert [part.content for part in await merged(delivery, "one, two, three, four")] == ["four"]
    assert await merged(delivery, "one, two, three, four") == []
    assert delivery.covered


async def test_what_follows_a_text_without_its_beginning_is_delivered_once() -> None:
    delivery = delivered("part one, ", "part two, ")
    assert [part.content for part in await merged(delivery, "part two, and more")] == ["and more"]
    assert await merged(delivery, "part two, and more") == []
    assert delivery.delivered.length == len("part one, part two, and more")


async def test_a_shorter_text_replaces_only_what_may_belong_to_another_run() -> None:
    delivery = delivered("part one, ", "part two, ")
    assert await merged(delivery, "of another") == []
    assert not delivery.covered
    delivery.needs_comparison = True
    reset, part = await merged(delivery, "of another")
    assert (type(reset), part.content) == (LogReset, "of another")


async def test_the_notice_of_a_removal_replaces_the_log() -> None:
    delivery = delivered("secret" * 100)
    reset, part = await merged(delivery, "Log removed by Sven Fuchs at 2014-04-08 00:17:34 UTC")
    assert (type(reset), (part.content or "")[:15]) == (LogReset, "Log removed by ")


def test_the_end_delivers_what_is_behind_a_gap() -> None:
    delivery = delivered("0")
    delivery.add_parts([LogPart(number=2, content="2")])
    delivery.finish([LogPart(number=4, content="4", final=True)], unavailable="gone")
    assert [part.content for part in delivery.ready] == ["2", "4"]
    assert (delivery.gap, delivery.unavailable, delivery.finished) == ((1, 3), "gone", True)
