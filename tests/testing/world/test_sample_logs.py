"""Sample logs, of a job and by name."""

import re

import pytest

from aiotravis.testing import SAMPLE_LOGS, Job, TravisServer, World, sample_log
from aiotravis.testing.world.log_writer import ENDINGS, ERAS
from aiotravis.testing.world.sample_logs import ending_of, state_of

CLEAR = "\r\x1b[0K"

STOPPED = "\r\n\r\nYour build has been stopped.\r\n"

ENDS = {
    "passed": "\r\nDone. Your build exited with 0.\r\n",
    "failed": "\r\nDone. Your build exited with 1.\r\n",
    "setup-failed": STOPPED,
    "stalled": "\n\nThe build has been terminated\n\n",
    "unfinished": "\r\nand in the middle of a li",
}


@pytest.fixture
def job() -> Job:
    return World().repository("a/b").build().jobs[0]


def test_a_sample_log_has_folds_timers_colours_and_an_exit_code(job: Job) -> None:
    text = sample_log(job, seed=1)
    assert text == sample_log(World().repository("a/b").build().jobs[0], seed=1)
    assert text != sample_log(job, seed=2)
    for name in ("worker_info", "system_info", "services", "git.checkout", "rvm", "install", "after_success"):
        assert f"travis_fold:start:{name}{CLEAR}" in text
        assert f"travis_fold:end:{name}{CLEAR}" in text
    assert re.search(r"travis_time:end:[0-9a-f]{8}:start=\d+,finish=\d+,duration=\d+,event=script\r\x1b\[0K", text)
    assert '\x1b[32;1mThe command "bundle exec rake spec" exited with 0.\x1b[0m\r\n' in text
    assert "10% (120/1200)   \r" in text
    assert text.endswith(ENDS["passed"])


@pytest.mark.parametrize("ending", ["passed", "failed"])
def test_a_sample_log_looks_like_one_of_2021(job: Job, ending: str) -> None:
    for seed in range(20):
        text = sample_log(job, ending, seed=seed)
        started = re.findall(r"travis_time:start:([0-9a-f]{8})\r", text)
        ended = re.findall(r"travis_time:end:([0-9a-f]{8}):start=(\d+),finish=(\d+),duration=(\d+),event=(\w*)\r", text)
        assert all(int(end[2]) - int(end[1]) == int(end[3]) > 0 for end in ended)
        # fact 10.3: some timers never end, one of them right before the checkout.
        services, checkout = (one for one in started if one not in {end[0] for end in ended})
        assert f"travis_time:start:{checkout}{CLEAR}\r\ntravis_fold:start:git.checkout{CLEAR}" in text
        assert f"travis_time:start:{services}{CLEAR}travis_fold:start:services{CLEAR}" in text
        assert [end[4] for end in ended].count("checkout") == 2
        # fact 10.3: a timer surrounds a fold.
        (around,) = (end[0] for end in ended if end[4] == "show_system_info")
        assert f"travis_time:start:{around}{CLEAR}travis_fold:start:system_info{CLEAR}" in text
        assert f"travis_fold:end:system_info{CLEAR}\r\ntravis_time:end:{around}:" in text
        # fact 10.3: commands that are not timed.
        assert "\r\n$ export BUNDLE_GEMFILE=$PWD/Gemfile\r\n$ ruby --version\r\nruby 2.7.2" in text


def test_a_sample_log_of_an_instant_server_ends_every_timer() -> None:
    text = sample_log(TravisServer(instant=True).world.repository("a/b").build().jobs[0])
    started = re.findall(r"travis_time:start:([0-9a-f]{8})\r", text)
    ended = re.findall(r"travis_time:end:([0-9a-f]{8}):", text)
    assert sorted(started) == sorted(ended)
    assert len(set(started)) == len(started)


def test_a_sample_log_runs_the_script_of_its_configuration(job: Job) -> None:
    job.config = {"language": "python", "script": ["tox -e lint", "tox"]}
    text = sample_log(job, "failed")
    assert "$ pip install -r requirements.txt\r\n" in text
    assert '\x1b[32;1mThe command "tox -e lint" exited with 0.\x1b[0m\r\n' in text
    assert '\x1b[31;1mThe command "tox" exited with 1.\x1b[0m\r\n' in text
    job.config = {"language": "cobol", "script": "make"}
    assert "$ make\r\n" in sample_log(job)
    job.config = {}
    assert "$ bundle exec rake spec\r\n" in sample_log(job)


@pytest.mark.parametrize(
    ("state", "ending", "ends_as"),
    [
        ("passed", "passed", "passed"),
        ("errored", "setup-failed", "errored"),
        ("canceled", "canceled", "canceled"),
        ("log-limit", "log-limit", "errored"),
    ],
)
def test_a_state_implies_an_ending_and_an_ending_a_state(job: Job, state: str, ending: str, ends_as: str) -> None:
    assert ending_of(state) == ending
    assert state_of(ending_of(state)) == ends_as
    assert sample_log(job, state) == sample_log(job, ending)


def test_an_ending_that_does_not_exist_is_refused(job: Job) -> None:
    with pytest.raises(ValueError, match="no such ending: 'started'; endings are passed, failed, setup-failed, "):
        sample_log(job, "started")


def test_sample_logs_have_every_year_and_ending() -> None:
    expected = [f"{era}-{ending}" for era in ERAS for ending in ENDINGS]
    expected += ["2017-failed-saved", "2013-failed-saved-by-cr", "empty", "docker-error", "html-page"]
    assert list(SAMPLE_LOGS) == expected
    assert len(SAMPLE_LOGS) == len({SAMPLE_LOGS[name] for name in SAMPLE_LOGS}) + 2, "those of no script are one text"
    assert "2021-passed" in repr(SAMPLE_LOGS)
    assert "2014-passed" not in SAMPLE_LOGS


@pytest.mark.parametrize("name", [f"{era}-{ending}" for era in ERAS for ending in ENDS])
def test_a_sample_log_ends_as_its_name_says(name: str) -> None:
    assert SAMPLE_LOGS[name].endswith(ENDS[name.partition("-")[2]])


@pytest.mark.parametrize("era", ERAS)
def test_a_fold_stays_open_where_set_up_fails_or_the_job_is_canceled(era: int) -> None:
    for ending in ("setup-failed", "canceled"):
        text = SAMPLE_LOGS[f"{era}-{ending}"]
        assert text.count("travis_fold:start:install\r") == 1
        assert "travis_fold:end:install" not in text


def test_attempts_of_travis_retry_are_in_some_logs() -> None:
    assert "failed. Retrying, 2 of 3." in SAMPLE_LOGS["2019-passed"]
    assert "Retrying, 3 of 3." not in SAMPLE_LOGS["2019-passed"]
    for era in (2017, 2019, 2021):
        assert "failed 3 times." in SAMPLE_LOGS[f"{era}-setup-failed"]


def test_the_years_differ_as_travis_did() -> None:
    old, middle, late = (SAMPLE_LOGS[f"{era}-passed"] for era in (2013, 2017, 2019))
    assert old.startswith("Using worker: worker-linux-6-2.bb.travis-ci.org:travis-linux-15\n\n")
    assert "travis_fold:start:git.1" in old
    assert "travis_time" not in old
    assert middle.startswith(f"travis_fold:start:worker_info{CLEAR}\x1b[33;1mWorker information\x1b[0m\n")
    assert "event=" not in middle
    assert late.count("event=checkout") == 2


def test_saved_logs_have_lost_their_carriage_returns_or_their_newlines() -> None:
    assert "\r" not in SAMPLE_LOGS["2017-failed-saved"]
    assert "travis_fold:start:install\n\x1b[0K" in SAMPLE_LOGS["2017-failed-saved"]
    assert "\n" not in SAMPLE_LOGS["2013-failed-saved-by-cr"]


async def test_a_sample_log_is_the_log_of_a_job() -> None:
    async with TravisServer() as server:
        job = server.world.repository("a/b").build().jobs[0].start()
        job.write(SAMPLE_LOGS["2019-stalled"], final=True)
        assert job.finish("errored").log.text == SAMPLE_LOGS["2019-stalled"]
