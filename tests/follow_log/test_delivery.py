"""What is delivered of a log: nothing twice, nothing back, everything that follows."""

import logging

import pytest

from aiotravis import LogPart, LogReset
from aiotravis.follow_log import delivery as delivery_module
from aiotravis.follow_log.delivery import LogDelivery
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
    await text.compare(delivery.received, delivery.held_texts)
    delivery.merge_text(text)
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


def test_a_log_that_restarts_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aiotravis.flows")
    LogDelivery(7).discard()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "the log of job 7 restarts: another text was read than was delivered"


async def test_a_text_that_lacks_a_piece_replaces_nothing() -> None:
    delivery = delivered("part one, ", "part two, ")
    for stored in ("part two, and more", "of another", "part one, part t"):
        assert await merged(delivery, stored) == []
        assert not delivery.covered


async def test_a_text_with_more_in_the_middle_replaces_what_came() -> None:
    delivery = delivered("part one, ", "part two, ")
    reset, part = await merged(delivery, "part one, and more, part two, ")
    assert (type(reset), part.content) == (LogReset, "part one, and more, part two, ")


async def test_of_a_large_log_nothing_is_kept_and_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "MAX_RECEIVED", 10)
    delivery = delivered("part one, ", "part two, ")
    assert delivery.received is None
    assert await merged(delivery, "part one, and more, part two, ") == []
    assert [part.content for part in await merged(delivery, "part one, part two, end")] == ["end"]


async def test_the_notice_of_a_removal_replaces_the_log() -> None:
    delivery = delivered("secret" * 100)
    reset, part = await merged(delivery, "Log removed by Sven Fuchs at 2014-04-08 00:17:34 UTC")
    assert (type(reset), (part.content or "")[:15]) == (LogReset, "Log removed by ")


def test_the_end_delivers_what_is_behind_a_gap() -> None:
    delivery = delivered("0")
    delivery.add_parts([LogPart(number=2, content="2")])
    delivery.finish([LogPart(number=4, content="4")], unavailable="gone")
    assert [part.content for part in delivery.ready] == ["2", "4"]
    assert (delivery.gap, delivery.unavailable, delivery.finished) == ((1, 3), "gone", True)


def test_where_the_final_part_came_only_the_gap_is_missing() -> None:
    delivery = delivered("0")
    delivery.add_parts([LogPart(number=2, content="2", final=True)])
    delivery.finish(unavailable="gone")
    assert (delivery.gap, delivery.unavailable) == ((1,), None)
