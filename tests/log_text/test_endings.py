"""How a job ended, as its log tells it."""

from dataclasses import dataclass

import pytest

from aiotravis import LogText, State
from aiotravis.log_text import (
    Canceled,
    Ending,
    LogLimit,
    NotATravisLog,
    ScriptEnded,
    ScriptNotGenerated,
    SetupFailed,
    Stalled,
    TimeLimit,
    Unfinished,
)
from aiotravis.log_text._endings import combined, ending_for, ending_of_line, last_words

C = "\r\x1b[0K"

# What workers write as they stop a job, of all years.
WORKERS: dict[str, Ending] = {
    "No output has been received in the last 10m0s, this potentially indicates a stalled build": Stalled(seconds=600.0),
    "No output has been received in the last 10 minutes, this potentially indicates a stalled": Stalled(seconds=600.0),
    "No output has been received in the last 1h30m0s, this potentially": Stalled(seconds=5400.0),
    "No output has been received in the last 1m0.5s, this potentially": Stalled(seconds=60.5),
    "No output has been received in the last 900ms, this": Stalled(seconds=0.9),
    "No output has been received in the last 10.0 minutes, this": Stalled(seconds=600.0),
    "No output has been received in the last while": Stalled(),
    f"No output has been received in the last {'9' * 5000}s, this": Stalled(),
    "The job exceeded the maximum time limit for jobs, and has been terminated.": TimeLimit(),
    "The job exceeded the maxmimum time limit for jobs, and has been terminated.": TimeLimit(),
    "Your test run exceeded 50 minutes. ": TimeLimit(seconds=3000.0),
    "I'm sorry but your test run exceeded 50.0 minutes. ": TimeLimit(seconds=3000.0),
    "We're sorry but your test run exceeded 120 minutes.": TimeLimit(seconds=7200.0),
    "The log length has exceeded the limit of 4 Megabytes (this usually means that test suite": LogLimit(
        bytes=4_000_000
    ),
    "The log length has exceeded the limit of 4 MB (this usually means that the test suite": LogLimit(bytes=4_000_000),
    "The log length has exceeded the limit of 4 MiB (this usually means": LogLimit(bytes=4 << 20),
    "The log length has exceeded the limit of 1000 Bytes (this usually means": LogLimit(bytes=1000),
    "The log length has exceeded the limit of 4 parsecs": LogLimit(),
    "The job exceeded the maximum log length, and has been terminated.": LogLimit(),
    "The log length has exceeded the limit of 4194304 Bytes (this usually means that test suite is raising the same "
    "exception over and over). Terminating.": LogLimit(bytes=4_194_304),
    "I'm sorry, but your test run exceeded 50 minutes.": TimeLimit(seconds=3000.0),
    "Executing your script (rake) took longer than 16 minutes and was terminated.": TimeLimit(seconds=960.0),
    "Executing your install (f(x) took longer) took longer than 1 minutes and was terminated.": TimeLimit(seconds=60.0),
    "fi) took longer than 20 minutes and was terminated.": TimeLimit(seconds=1200.0),
    "script: Execution of 'rake 'a'' took longer than 600 seconds and was terminated. Consider": TimeLimit(
        seconds=600.0
    ),
    "Done: Job Cancelled": Canceled(),
    "Done. Job Cancelled": Canceled(),
    "Done: Job Canceled": Canceled(),
    "An error occurred while generating the build script.": ScriptNotGenerated(),
    "An error occured while compiling the build script : x": ScriptNotGenerated(),
    "An error occurred while compiling the build script: <h1>Internal Server Error</h1>": ScriptNotGenerated(),
    "The build script API timed out": ScriptNotGenerated(),
    "An error occured while parsing the job config. Please consider enabling the build config": ScriptNotGenerated(),
    "ERROR: An error occurred while trying to parse your .travis.yml file.": ScriptNotGenerated(),
    "ERROR: An error occured while trying to fetch your .travis.yml file.": ScriptNotGenerated(),
    "Could not fetch .travis.yml from GitHub.": ScriptNotGenerated(),
    "Could not parse .travis.yml": ScriptNotGenerated(),
    "There was an error in the .travis.yml file from which we could not recover.": ScriptNotGenerated(),
}


@pytest.mark.parametrize("text", WORKERS, ids=lambda text: text[:60])
def test_a_worker_says_why_it_stopped_a_job(text: str) -> None:
    expected = WORKERS[text]
    found = ending_of_line(text, 0)
    assert type(found) is type(expected)
    log = LogText.parse(f"travis_time:start:1{C}$ make\n\n\n{text}\n\n")
    assert type(log.ending) is type(expected)
    assert log.ending.line == 4
    assert {name: getattr(log.ending, name, None) for name in ("seconds", "bytes")} == {
        name: getattr(expected, name, None) for name in ("seconds", "bytes")
    }
    assert log.excerpt() == "$ make"


@pytest.mark.parametrize(
    "text",
    ["no output has been received", "x No output has been received in the last 10m0s", "Your test run exceeded it",
     "Done: Job", "The log length", "", "An error occurred", "# The job exceeded the maximum time limit",
     "It took longer than 5 minutes and was terminated.", "Could not find .travis.yml, using standard configuration.",
     "We're sorry, but there was an error with the connection to the VM.", "Your job will be requeued shortly.",
     "I'm sorry but an error occurred within Travis while running your build. Your build will be requeued shortly.",
     "We're having trouble connecting to the VM. Your job will be requeued shortly.", "Done. Your build exited with ."],
)  # fmt: skip
def test_other_text_is_no_ending(text: str) -> None:
    assert ending_of_line(text, 1) is None
    assert LogText.parse(f"travis_time:start:1{C}$ make\n{text}\n").ending == Unfinished()


# The script -----------------------------------------------------------------------------------------------------------

MADE = f"travis_time:start:1{C}$ make\nout\ntravis_time:end:1:duration=1{C}\n"


@pytest.mark.parametrize(
    "text",
    ["Done. Your build exited with 1.", "Done. Build script exited with: 1", "Done. Build script exited with 1"],
)
def test_the_script_ended(text: str) -> None:
    log = LogText.parse(f"{MADE}\n{text}\n")
    assert (log.ending, log.exit_code) == (ScriptEnded(code=1, line=4), 1)
    assert LogText.parse(f"{text}\n").ending == ScriptEnded(code=1, line=1), "even if nothing else is there"


FAILURES = {
    "2017": ('The command "pip install x" failed and exited with 1 during .', "install"),
    "2013": ('The command "pip install x" failed and exited with 1 during install.', "install"),
    "another stage": ('The command "pip install x" failed and exited with 1 during before_script.', "before_script"),
    "a step": ('The command "pip install x" failed and exited with 1 during git.1.', "install"),
}


@pytest.mark.parametrize(("message", "phase"), FAILURES.values(), ids=FAILURES)
def test_a_failed_set_up_names_command_phase_and_code(message: str, phase: str) -> None:
    fold = f"travis_fold:start:install{C}travis_time:start:1{C}$ pip install x\nno\ntravis_time:end:1:duration=1{C}"
    log = LogText.parse(f"{fold}\x1b[31;1m{message}\x1b[0m\n\nYour build has been stopped.\n")
    assert log.ending == SetupFailed(command="pip install x", phase=phase, code=1, line=3)
    assert log.exit_code is None
    assert [(one.text, one.exit_code, one.line) for one in log.failed_commands] == [("pip install x", 1, 1)]
    assert log.excerpt() == "no"


def test_a_set_up_that_failed_without_its_command_is_known_as_far_as_possible() -> None:
    cut = LogText.parse(
        '...\nThe command "nvm install 10" failed and exited with 3 during .\nYour build has been stopped.\n'
    )
    assert cut.ending == SetupFailed(command="nvm install 10", code=3, line=2)
    assert cut.failed_commands == ()
    assert cut.excerpt() == "..."
    other = LogText.parse(f"{MADE}travis_fold:start:setup{C}Unsupported.\n\nYour build has been stopped.\n")
    assert other.ending == SetupFailed(phase="setup", line=5)


@pytest.mark.parametrize("code", [-1, -1073741819, 3221225477])
def test_exit_codes_of_windows_have_ten_digits_or_a_sign(code: int) -> None:
    log = LogText.parse(f'{MADE}The command "make" exited with {code}.\n\nDone. Your build exited with {code}.\n')
    assert (log.ending, log.exit_code) == (ScriptEnded(code=code, line=5), code)
    assert [one.exit_code for one in log.failed_commands] == [code]


IN_FOLDS = {
    "an untimed command": "$ apt-get install x\nE: no\n",
    "several": "$ apt-get update\n$ cat log\nlog\n",
    "no command": "Installing\n",
    "a timed command": f"travis_time:start:1{C}$ a\ntravis_time:end:1:duration=1{C}",
    "another fold": f"travis_fold:start:x{C}a\ntravis_fold:end:x{C}b\n",
}


@pytest.mark.parametrize("body", IN_FOLDS.values(), ids=IN_FOLDS)
def test_a_failed_set_up_in_a_fold_has_its_phase(body: str) -> None:
    for failure in ('The command "sudo apt-get" failed and exited with 100 during .\n\n', ""):
        log = LogText.parse(f"travis_fold:start:apt{C}{body}{failure}Your build has been stopped.\n")
        assert isinstance(log.ending, SetupFailed)
        assert log.ending.phase == "apt"
    assert LogText.parse("Your build has been stopped.\n").ending == SetupFailed(line=1)


def ending_of(log: LogText) -> Ending:
    return log.ending


# What comes after an ending -------------------------------------------------------------------------------------------

STALL = (
    "\n\nNo output has been received in the last 10m0s, this\nCheck the details\n\nThe build has been terminated\n\n"
)
FAILED = f'{MADE}The command "make" exited with 1.\n'
STOPPED = '$ nvm install\nThe command "nvm install" failed and exited with 3 during .\n\nYour build has been stopped.\n'
DONE = "\nDone. Your build exited with 1.\n"
AFTER = f"travis_fold:start:after_script{C}travis_time:start:9{C}$ rm x\na\nb\nc\nd\ntravis_time:end:9:duration=1{C}"

NVM_FAILED = SetupFailed(command="nvm install", phase="setup", code=3, line=2)

UNPARSED = (
    "ERROR: An error occured while trying to parse your .travis.yml file.\n\nPlease make sure that it is valid.\n\n"
    "http://lint.travis-ci.org can check your .travis.yml.\n\nThe log message was: x\n\n"
)
UNFETCHED = (
    "Could not fetch .travis.yml from GitHub.\nline 2: travis_terminate: command not found\n"
    "Done. Your build exited with .\nline 5: travis_terminate: command not found\n"
)
UNCOMPILED = (
    f"travis_fold:start:worker_info{C}x\ntravis_fold:end:worker_info{C}"
    "\x1b[31;1mThere was an error in the .travis.yml file from which we could not recover.\n\x1b[0m\n"
    "\x1b[31;1mUnfortunately, we do not know much about this error.\x1b[0m\n\x1b[31;1m\x1b[0m\n"
    "\x1b[31;1mPlease review https://docs.travis-ci.com\x1b[0m\n"
)
TOO_LONG = (
    "Executing your script (make) took longer than 16 minutes and was terminated.\n\n"
    "For more information see http://about.travis-ci.org/docs/.\n"
)

AFTERWARDS: dict[str, tuple[str, Ending, int | None]] = {
    "script, then after_script": (FAILED + DONE + AFTER, ScriptEnded(code=1, line=5), 1),
    "script, after_success stalls": (
        FAILED + AFTER.partition("travis_time:end")[0] + STALL, Stalled(seconds=600.0, line=11), None,
    ),
    "the end hangs": (FAILED + DONE + STALL, Stalled(seconds=600.0, line=8), 1),
    "canceled at the end": (FAILED + DONE + "\n\nDone: Job Cancelled\n\n", Canceled(line=8), 1),
    "canceled with a reason": (MADE + "\n\nDone: Job Cancelled\n\nBecause I can.\n", Canceled(line=5), None),
    "set-up, then after_script": (STOPPED + AFTER, NVM_FAILED, None),
    "set-up, then the end": (STOPPED + DONE, NVM_FAILED, 1),
    "set-up, then a stall": (STOPPED + STALL, NVM_FAILED, None),
    "set-up, then canceled": (STOPPED + "\n\nDone: Job Cancelled\n", Canceled(line=7), None),
    "a stall, then the end": (MADE + STALL + DONE, Stalled(seconds=600.0, line=5), 1),
    "both limits of the log": (
        MADE + "\nThe log length has exceeded the limit of 4 MB\n\nThe job has been terminated\n\n"
        "The job exceeded the maximum log length, and has been terminated.\n", LogLimit(bytes=4_000_000, line=4), None,
    ),
    "no configuration, then canceled": (UNPARSED + "Done: Job Cancelled\n", ScriptNotGenerated(line=1), None),
    "no configuration, then the end": (UNFETCHED, ScriptNotGenerated(line=1), None),
    "no configuration, after a fold": (UNCOMPILED, ScriptNotGenerated(line=2), None),
    "a stage that took too long, then the end": (
        f"{MADE}{TOO_LONG}\nDone. Build script exited with: 1\n", TimeLimit(seconds=960.0, line=3), 1,
    ),
    "two ends": (FAILED + DONE + DONE.replace("1", "2"), ScriptEnded(code=2, line=7), 2),
    "agent.debug": (
        FAILED + DONE + f"travis_fold:start:agent.debug{C}a\nb\nc\nd\ne\ntravis_fold:end:agent.debug{C}",
        ScriptEnded(code=1, line=5), 1,
    ),
    "a new run": (
        FAILED + DONE + f"travis_fold:start:worker_info{C}x\ntravis_fold:end:worker_info{C}", Unfinished(), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "ending", "code"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_what_comes_after_an_ending_completes_it(text: str, ending: Ending, code: int | None) -> None:
    log = LogText.parse(text)
    assert (log.ending, log.exit_code) == (ending, code)


# What a command prints ------------------------------------------------------------------------------------------------

PRINTED = {
    "an end": "Done. Your build exited with 0.\n",
    "a stop": "Your build has been stopped.\n",
    "a failure": 'The command "x" failed and exited with 1 during .\n\nYour build has been stopped.\n',
    "a stall and more": STALL + "1\n2\n3\n4\n",
    "the log of another job": FAILED.replace("start:1", "start:5").replace("end:1", "end:5") + DONE + "\nand more\n",
    "the log of such a job": (
        f"travis_fold:start:install{C}$ a\n$ make\ntravis_fold:end:install{C}{FAILED.replace(':1', ':5')}{DONE}"
    ),
    "its own result": 'The command "make" exited with 0.\n' + DONE,
    "a failed set-up": STOPPED,
}  # fmt: skip


@pytest.mark.parametrize("printed", PRINTED.values(), ids=PRINTED)
def test_what_a_command_prints_is_not_the_ending_of_its_job(printed: str) -> None:
    whole = f"travis_time:start:1{C}$ make\n{printed}travis_time:end:1:duration=1000000000,event=script{C}"
    log = LogText.parse(f'{whole}The command "make" exited with 3.\n{DONE}')
    assert log.ending == ScriptEnded(code=1, line=len(log.lines))
    assert (log.commands[0].exit_code, log.commands[0].duration, log.commands[0].phase) == (3, 1.0, "script")
    assert {command.phase for command in log.commands} == {"script"}
    assert {name: phase.duration for name, phase in log.phases.items()} == {"script": 1.0}
    broken = LogText.parse(f"travis_time:start:1{C}$ make\n{printed}more\nand\nmore\nand more\n")
    if "own" not in printed and "make" not in printed:
        assert broken.ending == Unfinished()


def test_an_end_printed_by_an_untimed_command_counts_only_while_nothing_follows() -> None:
    log = LogText()
    log.feed("$ rake\nDone. Your build exited with 0.\n")
    assert ending_of(log) == ScriptEnded(code=0, line=2)
    log.feed("more\n" * 4)
    assert ending_of(log) == Unfinished()
    log.feed('The command "rake" exited with 1.\n\nDone. Your build exited with 1.\n')
    assert (ending_of(log), log.exit_code) == (ScriptEnded(code=1, line=9), 1)


def test_an_ending_is_known_as_soon_as_its_line_has_ended() -> None:
    log = LogText()
    assert ending_of(log) == Unfinished()
    log.feed("travis_time:start:1\r\x1b[0K$ make\n\n\nNo output has been received in the last 10m0s, this")
    assert ending_of(log) == Unfinished()
    log.feed(" potentially\n")
    assert ending_of(log) == Stalled(seconds=600.0, line=4)
    assert (log.commands[0].finished, log.commands[0].last_line, log.commands[0].duration) == (False, 3, 600.0)
    log.feed("a\n\nb\n\nc\n")
    assert ending_of(log) == Stalled(seconds=600.0, line=4)
    log.feed("d\n")
    assert ending_of(log) == Unfinished()
    assert (log.commands[0].finished, log.commands[0].last_line, log.commands[0].duration) == (False, None, None)


# No log of Travis -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "docker: Error response from daemon: x.\nSee 'docker run --help'.\n", "<html><body>502</body></html>",
     '{"file": "not found"}', "travis_ is no marker", "\x00\xff", "costs $ 5\n"],
)  # fmt: skip
def test_a_text_without_any_sign_of_travis_is_no_log_of_it(text: str) -> None:
    log = LogText()
    log.feed(text)
    assert ending_of(log) == Unfinished(), "more may come"
    log.close()
    assert ending_of(log) == NotATravisLog()
    assert log.excerpt() == log.plain.strip("\n").replace("\xff", "ÿ")


@pytest.mark.parametrize(
    "text",
    ["$ git clone x\n", "Using worker: linux-1:travis-1\n\n", "travis_fold:start:a\r", "travis_time:start:1\r\x1b[0K"],
)
def test_a_log_that_was_broken_off_is_unfinished(text: str) -> None:
    assert LogText.parse(text).ending == Unfinished()


# The state of the job -------------------------------------------------------------------------------------------------

ENDED = ScriptEnded(code=1, line=4)

STATES: list[tuple[Ending, str, Ending]] = [
    (Unfinished(), "canceled", Canceled()),
    (ENDED, "canceled", Canceled()),
    (NotATravisLog(), "canceled", Canceled()),
    (Canceled(line=7), "canceled", Canceled(line=7)),
    (Unfinished(), "errored", Unfinished()),
    (NotATravisLog(), "errored", NotATravisLog()),
    (ENDED, "failed", ENDED),
    (Unfinished(), "started", Unfinished()),
    (NotATravisLog(), "created", Unfinished()),
    (NotATravisLog(), "", Unfinished()),
    (ENDED, "started", ENDED),
    (Stalled(seconds=600.0, line=3), "errored", Stalled(seconds=600.0, line=3)),
    (ENDED, "something new", ENDED),
    (Unfinished(), " CANCELED ", Canceled()),
]


@dataclass
class WithAnyState:
    state: str | None


@pytest.mark.parametrize(("ending", "state", "expected"), STATES)
def test_the_state_of_a_job_completes_the_ending(ending: Ending, state: str, expected: Ending) -> None:
    assert ending_for(ending, state) == expected
    assert ending_for(ending, WithAnyState(state)) == expected
    assert ending_for(ending, WithAnyState(State(state))) == expected


def test_a_job_without_a_state_has_not_ended() -> None:
    assert ending_for(NotATravisLog(), WithAnyState(None)) == Unfinished()


# Pieces ---------------------------------------------------------------------------------------------------------------


def test_last_words_are_those_that_hardly_anything_follows() -> None:
    words = "Done: Job Cancelled"
    assert last_words(iter([words]), 1, 0) == Canceled(line=1)
    assert last_words(iter(["a", "", "b", "c", words]), 9, 0) == Canceled(line=5)
    assert last_words(iter(["a", "b", "c", "d", words]), 9, 0) is None
    assert last_words(iter([*[""] * 31, words]), 40, 0) == Canceled(line=9)
    assert last_words(iter([*[""] * 32, words]), 40, 0) is None
    assert last_words(iter(["", words]), 9, 8) is None, "a command began after it"
    assert last_words(iter([]), 0, 0) is None


def test_the_worker_has_the_last_word_but_a_failed_set_up_stands() -> None:
    script, failed, stalled = ScriptEnded(code=0), SetupFailed(command="x"), Stalled()
    assert combined(None, None) is None
    assert combined(script, None) is script
    assert combined(script, stalled) is stalled
    assert combined(None, stalled) is stalled
    assert combined(failed, stalled) is failed
    assert combined(failed, Canceled()) == Canceled()


def test_a_result_alone_is_a_sign_of_travis() -> None:
    assert LogText.parse('The command "x" exited with 1.\n').ending == Unfinished()


# Deployments ----------------------------------------------------------------------------------------------------------

DEPLOYED = (
    f'$ make\nThe command "make" exited with 0.\ntravis_time:start:2{C}travis_fold:start:dpl.1{C}Preparing deploy\r\n'
    "authentication failed\r\n\ntravis_fold:end:dpl.1\r"
)


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("failed to deploy\n", SetupFailed(phase="deploy", line=6)),
        ("failed to deploy\r\n\r\n", SetupFailed(phase="deploy", line=6)),
        ("failed to deploy\nfailed to deploy\n", SetupFailed(phase="deploy", line=6)),
        ("failed to deploy\n" + STALL, Stalled(seconds=600.0, line=9)),
        ("failed to deploy x\n", Unfinished()),
    ],
)
def test_a_failed_deployment_stops_the_job(text: str, ending: Ending) -> None:
    log = LogText.parse(DEPLOYED + text)
    assert log.ending == ending
    assert "\nPreparing deploy\nauthentication failed" in log.excerpt(9)


def test_a_failed_deployment_in_the_output_of_a_command_is_none() -> None:
    assert LogText.parse(f"travis_time:start:1{C}$ make\nfailed to deploy\n").ending == Unfinished()
