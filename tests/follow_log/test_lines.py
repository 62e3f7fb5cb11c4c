"""The lines of a log that arrives in parts."""

from collections.abc import AsyncIterator, Sequence

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import LogPart, LogReset, Travis, errors
from aiotravis.follow_log.lines import LogLines
from aiotravis.testing import Repository
from tests.waiting import until


async def parts(contents: Sequence[str]) -> AsyncIterator[LogPart]:
    for number, content in enumerate(contents):
        yield LogPart(number=number, content=content)


@given(st.lists(st.text(alphabet="ab\n\r\x0b\x85\u2028", max_size=8), max_size=20))
async def test_lines_do_not_depend_on_where_parts_are_cut(contents: list[str]) -> None:
    lines = [line async for line in LogLines(parts(contents))]
    assert "".join(lines) == "".join(contents)
    assert all(line.endswith("\n") for line in lines[:-1])
    assert all(line.count("\n") <= 1 and line for line in lines)


async def test_a_reset_discards_an_incomplete_line() -> None:
    async def broken() -> AsyncIterator[LogPart]:
        yield LogPart(number=0, content="old\nbeg")
        yield LogReset()
        yield LogPart(number=0, content="new")
        yield LogPart(number=1, content=None)

    lines = LogLines(broken())
    assert [line async for line in lines] == ["old\n", "new"]
    assert lines.resets == 1
    with pytest.raises(StopAsyncIteration):
        await anext(lines)


async def test_a_log_is_read_as_lines_and_as_text(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.start()
    for piece in ("one\ntw", "o\n", "three"):
        job.write(piece)
    job.write("", final=True)
    job.finish()
    job.log.unavailable_reads = 0
    async with travis.follow_log(job.id) as log:
        assert [line async for line in log.lines()] == ["one\n", "two\n", "three"]
    async with travis.follow_log(job.id) as log:
        assert await log.text() == "one\ntwo\nthree"


async def test_text_is_that_of_the_run_after_a_restart(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.start()
    job.write("old")
    texts: list[str] = []
    async with travis.follow_log(job.id) as log, anyio.create_task_group() as group:

        async def read() -> None:
            texts.append(await log.text())

        group.start_soon(read)
        await until(lambda: log._text == ["old"])
        job.restart()
        job.start()
        job.write("new")
        job.write("", final=True)
        job.finish()
    assert texts == ["new"]


async def test_lines_that_have_ended_are_not_empty_again(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0].start()
    job.write("a\nb", final=True)
    job.finish()
    job.log.unavailable_reads = 0
    lines = travis.follow_log(job.id).lines()
    assert [line async for line in lines] == ["a\n", "b"]
    with pytest.raises(errors.UsageError, match="These lines have ended"):
        aiter(lines)
    assert await anext(lines, None) is None


@pytest.mark.usefixtures("short_delays")
async def test_a_gap_is_raised_after_the_lines(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    job.start()
    for piece in ("a\n", "b\n", "c\n"):
        job.write(piece)
    job.write("", final=True)
    del job.log.parts[1]
    job.finish()
    job.log.unavailable_reads = 0
    lines = travis.follow_log(job.id).lines()
    assert [await anext(lines), await anext(lines)] == ["a\n", "c\n"]
    with pytest.raises(errors.LogGap):
        await anext(lines)


async def test_awaiting_lines_names_the_remedy(travis: Travis) -> None:
    with pytest.raises(errors.UsageError, match="A LogLines cannot be awaited: iterate with `async for"):
        await travis.follow_log(7).lines()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


async def test_lines_show_how_far_they_are() -> None:
    lines = LogLines(parts(["a\nb"]))
    assert repr(lines) == "<LogLines not begun, 0 taken>"
    await anext(lines)
    assert repr(lines) == "<LogLines open, 1 taken>"
    await anext(lines)
    assert repr(lines) == "<LogLines ended, 2 taken>"
