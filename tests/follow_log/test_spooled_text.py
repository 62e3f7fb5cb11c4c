"""A text of any size, compared with the text delivered before, and read in pieces."""

import gc
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.follow_log import spooled_text
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.resources._log_sinks import DiskError

any_text = st.text(st.characters(exclude_categories=()), max_size=20)
utf8_text = st.text(max_size=20)


def prefix_of(text: str) -> LogPrefix:
    prefix = LogPrefix()
    prefix.add(text)
    return prefix


async def pieces_of(text: SpooledText) -> list[str]:
    pieces: list[str] = []
    while not text.exhausted:
        pieces.append(await text.read())
    return pieces


async def taken(data: bytes, delivered: str, *, size: int) -> SpooledText:
    text = SpooledText(prefix_of(delivered))
    await text.begin()
    for start in range(0, len(data), size):
        await text.take(data[start : start + size])
    await text.end()
    return text


@given(utf8_text, utf8_text, utf8_text, st.integers(1, 7), st.integers(1, 9))
async def test_only_undelivered_text_is_read_but_all_of_a_different_text(
    delivered: str, rest: str, other: str, size: int, piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spooled_text, "PIECE", piece)
        for whole in (delivered + rest, other):
            text = await taken(whole.encode(), delivered, size=size)
            assert text.continues is whole.startswith(delivered)
            assert text.prefix == prefix_of(whole)
            pieces = await pieces_of(text)
            assert "".join(pieces) == (whole.removeprefix(delivered) if text.continues else whole)
            assert all(1 <= len(piece_text.encode()) <= piece + 3 for piece_text in pieces)


@given(any_text, any_text)
async def test_a_text_in_one_piece_may_contain_surrogates(delivered: str, rest: str) -> None:
    text = SpooledText.of(delivered + rest, prefix_of(delivered))
    assert "".join(await pieces_of(text)) == rest


@given(st.binary(max_size=30), st.integers(1, 5))
async def test_invalid_utf_8_is_replaced_wherever_it_is_cut(data: bytes, size: int) -> None:
    text = await taken(data, "", size=size)
    assert "".join(await pieces_of(text)) == data.decode("utf-8", "replace")


async def test_a_new_attempt_discards_the_one_before() -> None:
    text = await taken("old größe".encode()[:-2], "new", size=3)
    await text.begin()
    await text.take(b"new text")
    await text.end()
    assert (text.size, text.head, text.continues) == (8, b"new text", True)
    assert await pieces_of(text) == [" text"]


async def test_a_large_text_is_stored_in_a_file_until_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled_text, "MAX_IN_MEMORY", 100)
    content = "größe\n" * 1000
    text = await taken(content.encode(), "größe\n", size=99)
    assert text._file._rolled  # type: ignore[attr-defined]
    assert "".join(await pieces_of(text)) == content[6:]
    await text.aclose()
    assert text._file.closed


async def test_a_text_that_is_garbage_collected_closes_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled_text, "MAX_IN_MEMORY", 1)
    text = await taken(b"some text", "", size=3)
    file = text._file
    del text
    gc.collect()
    assert file.closed


@pytest.mark.parametrize("method", ["write", "read"])
async def test_disk_errors_are_not_network_errors(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    text = await taken(b"some text", "", size=3)

    def fail(*args: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(text._file, method, fail)
    monkeypatch.setattr(spooled_text, "MAX_IN_MEMORY", 1)
    step: Callable[[], object] = (lambda: text.take(b"more")) if method == "write" else text.read
    with pytest.raises(DiskError if method == "write" else OSError):
        await step()  # type: ignore[misc]


async def test_a_text_that_is_part_of_a_cycle_closes_its_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # An exception can hold the frames of a follower. Of what is in a cycle, the oldest is finalized first.
    files: list[Any] = [tempfile.SpooledTemporaryFile()]  # noqa: SIM115 - it is closed by what is tested

    def make(max_size: int) -> Any:
        return files.pop()

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", make)
    text: Any = await taken(b"text", "", size=4)
    text._file.owner = text
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del text
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
