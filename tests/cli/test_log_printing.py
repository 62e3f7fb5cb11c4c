"""Printing logs, and following them to the end of their jobs."""

import json

import pytest

from aiotravis import Job
from aiotravis.cli._output import Output, OutputClosed
from aiotravis.cli.log_printing import LogPrinter
from tests.cli.conftest import SLUG, Run, Travis

JOB = Job(id=7, number="1.1")


def test_lines_are_printed_once_they_are_whole_however_they_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(Output(), JOB)
    printed: list[str] = []
    for piece in ("on", "e\r", "\ntwo\nth", "ree"):
        printer.feed(piece)
        printed.append(capsys.readouterr().out)
    assert (printed, printer.rest) == (["", "", "one\ntwo\n", ""], "three")
    printer.close()
    assert capsys.readouterr().out == "three\n"


def test_a_large_log_is_printed_whole_in_few_writes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write = Output.write

    def counted(output: Output, text: str) -> None:
        sizes.append(len(text))
        write(output, text)

    monkeypatch.setattr(Output, "write", counted)
    text = "".join(f"line {number}\n" for number in range(30_000))
    printer = LogPrinter(Output(), JOB)
    printer.feed(text)
    printer.close()
    assert capsys.readouterr().out == text
    assert len(sizes) < 10


def test_a_whole_log_is_read_no_further_than_its_reader_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Output, text: str) -> None:
        raise OutputClosed(len(text))

    monkeypatch.setattr(Output, "write", closed)
    printer = LogPrinter(Output(), JOB)
    with pytest.raises(OutputClosed):
        printer.feed_whole("line\n" * 100_000)
    assert len(printer._log.lines) < 20_000


def test_a_whole_log_as_json_has_the_durations_of_timers_that_end_later(capsys: pytest.CaptureFixture[str]) -> None:
    start = "travis_time:start:1\r\x1b[0K$ make\r\n"
    end = "travis_time:end:1:start=1000000000,finish=3000000000,duration=2000000000\r\x1b[0K\n"
    LogPrinter(Output(json=True), JOB).feed_whole(start + "line\n" * 20_000 + end)
    assert json.loads(capsys.readouterr().out.partition("\n")[0])["duration"] == 2


def test_what_is_folded_is_printed_at_the_end_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(Output(), JOB, fold=True)
    printer.feed("no log of Travis\n")
    assert capsys.readouterr().out == ""
    printer.close()
    assert capsys.readouterr().out == "no log of Travis\n"


def test_raw_text_is_printed_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(Output(), JOB, raw=True)
    printer.feed("\x1b[31mha")
    assert capsys.readouterr().out == "\x1b[31mha"
    printer.close()
    assert capsys.readouterr().out == ""


def test_json_records_have_the_clean_text(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(Output(json=True), JOB, raw=True, fold=True)
    printer.feed("\x1b[31mred\x1b[0m\nrest")
    printer.close()
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["job_id"], record["line"], record["text"]) for record in records] == [(7, 1, "red"), (7, 2, "rest")]


def test_a_log_that_begins_again_says_so_and_goes_on(travis: Travis, run: Run) -> None:
    server, repository = travis.server, travis.repository
    job = travis.run(lambda: repository.build().jobs[0].start())
    travis.run(lambda: job.write("first run\n"))

    def restart() -> None:
        job.requeue()
        job.start()
        job.write("second run\n", final=True)
        job.finish()

    travis.once(lambda: bool(server.requests_to("*/log*")), restart)
    followed = run("logs", "-f", "1.1", "-r", SLUG)
    assert followed.code == 0
    assert followed.out == "first run\nsecond run\n"
    assert "aiotravis: the log of job #1.1 begins again: what is above is of another run\n" in followed.err
