"""Sinks for the text of a log."""

import asyncio
import threading
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.resources import _log_sinks
from aiotravis.resources._log_sinks import PLACEHOLDERS, DiskError, LogSink, TextSink, is_placeholder, on_disk


@given(st.lists(st.binary(max_size=9), max_size=9), st.sampled_from([1, 4, 100]))
async def test_pieces_are_decoded_wherever_they_are_cut(pieces: list[bytes], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_log_sinks, "BLOCK", block)
        sink = TextSink()
        for attempt in (b"cut \xc3", *[b""]):
            await sink.begin()
            await sink.take(attempt)
        for piece in pieces:
            await sink.take(piece)
        data = b"".join(pieces)
        assert sink.text() == data.decode("utf-8", "replace")
        assert (sink.size, sink.head) == (len(data), data[:64])


@pytest.mark.parametrize("text", sorted(PLACEHOLDERS))
async def test_a_placeholder_is_recognised_unless_more_follows(text: str) -> None:
    sink = LogSink()
    await sink.begin()
    await sink.take(text[:5].encode())
    await sink.take(text[5:].encode())
    assert is_placeholder(sink.head.decode())
    await sink.take(b"." * 100)
    assert not is_placeholder(sink.head.decode())
    assert (sink.size, sink.checksum) == (len(text) + 100, zlib.crc32(text.encode() + b"." * 100))


async def test_on_disk_turns_an_os_error_into_a_disk_error() -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskError) as info:
        await on_disk(fail)
    assert isinstance(info.value.__cause__, OSError)


async def test_a_cancelled_task_waits_for_what_its_thread_does_on_disk() -> None:
    started, go_on, done = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        started.set()
        go_on.wait()
        done.append("written")

    task = asyncio.create_task(on_disk(work))
    await asyncio.to_thread(started.wait)
    task.cancel()
    asyncio.get_running_loop().call_later(0.02, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["written"]
