"""What real logs look like, one kind after the other: timers, folds, names, saved logs, endings, attempts."""

import pytest

from aiotravis import LogText
from aiotravis.log_text import LogLimit, ScriptEnded, SetupFailed, Stalled, TimeLimit, Unfinished

C = "\r\x1b[0K"

SCRIPT_FAILED = '\x1b[31;1mThe command "make" exited with 1.\x1b[0m\r\n\r\nDone. Your build exited with 1.\r\n'


def timed(number: int, text: str, seconds: int, event: str | None = None) -> str:
    """Return a timed command and its output."""
    end = f"start=1000000000,finish={seconds + 1}000000000,duration={seconds}000000000"
    end += "" if event is None else f",event={event}"
    return f"travis_time:start:{number:08x}{C}$ {text}\r\nout\r\ntravis_time:end:{number:08x}:{end}{C}"


def fold(name: str, body: str) -> str:
    return f"travis_fold:start:{name}{C}{body}travis_fold:end:{name}{C}"


def durations(log: LogText) -> dict[str, float | None]:
    return {name: phase.duration for name, phase in log.phases.items()}


def phases(log: LogText) -> list[tuple[str, str | None]]:
    return [(command.text, command.phase) for command in log.commands]


# Timers that never end ------------------------------------------------------------------------------------------------

CHECKOUT = fold("git.checkout", timed(1, "git clone x", 1, "checkout")) + "\r\n"

MAKE = timed(2, "make", 2, "script")

UNENDED = {
    "before the checkout": f"travis_time:start:0e{C}\r\n{CHECKOUT}{MAKE}",
    "before each": f"travis_time:start:0e{C}\r\n{CHECKOUT}travis_time:start:0f{C}{timed(2, 'make', 2, 'script')}",
    "in the fold": CHECKOUT.replace(f"git.checkout{C}", f"git.checkout{C}travis_time:start:0e{C}", 1)
    + timed(2, "make", 2, "script"),
    "of a set-up command": f"travis_time:start:0e{C}$ nvm install 10\r\n{CHECKOUT}{MAKE}",
    "of many": "".join(f"travis_time:start:{n}{C}\r\n" for n in range(90, 120)) + CHECKOUT + MAKE,
    "on lines of their own": f"travis_time:start:0e{C}\r\n\r\nx\r\n{CHECKOUT}\r\n{MAKE}\r\n",
    "with the same id twice": f"travis_time:start:0e{C}travis_time:start:0e{C}{CHECKOUT}{MAKE}",
    # The stage ends under the id of its command, which contains what the command took.
    "under another id": f"travis_time:start:0e{C}\r\n{CHECKOUT.replace('duration=1', 'duration=0')}"
    f"travis_time:end:00000001:start=1000000000,finish=2000000000,duration=1000000000,event=checkout{C}{MAKE}",
}  # fmt: skip


@pytest.mark.parametrize("text", UNENDED.values(), ids=UNENDED)
def test_timers_that_never_end_swallow_nothing(text: str) -> None:
    log = LogText.parse(text + SCRIPT_FAILED)
    assert (log.exit_code, log.ending) == (1, ScriptEnded(code=1, line=len(log.lines)))
    assert {name: seconds for name, seconds in durations(log).items() if seconds} == {
        "git.checkout": 1.0,
        "script": 2.0,
    }
    assert [(one.text, one.duration, one.exit_code) for one in log.commands[-1:]] == [("make", 2.0, 1)]
    assert [one.text for one in log.failed_commands] == ["make"]
    assert {fold.name: fold.last_line is not None for fold in log.folds} == {"git.checkout": True}


# Exit codes go to the commands that they name -------------------------------------------------------------------------

NAMED = {
    "not the last command seen": ("$ coverage run x\n$ pip --version\n", "coverage run x", 0),
    "not the first command seen": ("$ pip --version\n$ coverage run x\n", "coverage run x", 1),
    "the latest of several that are alike": ("$ make\n$ make\n$ echo\n", "make", 1),
    "in quotes": ("$ sh -c \"make 'x y'\"\n$ echo\n", "sh -c \"make 'x y'\"", 0),
    "spaced otherwise": ("$ make  -j2   all\n$ echo\n", "make -j2 all", 0),
    "with travis_retry": ("$ travis_retry make\n$ echo\n", "make", 0),
    "several lines": ("$ if [ -e x ]; then\n  make\nfi\n$ echo\n", "if [ -e x ]; then\n  make\nfi", 0),
    "wrapped": ("$ make all the targets of this very long command line\n -j2\n$ x\n",
                "make all the targets of\n this very long command line -j2", 0),
    "wrapped where it was displayed": ("$ make all the targets of this very long command li\nne -j2\n$ echo\n",
                                       "make all the targets of this very long command line -j2", 0),
    "none": ("$ make\n$ echo\n", "make tests", None),
    "none: part of its name": ("$ make\n$ make all\n", "make al", None),
}  # fmt: skip


@pytest.mark.parametrize(("commands", "named", "index"), NAMED.values(), ids=NAMED)
def test_an_exit_code_belongs_to_the_command_that_it_names(commands: str, named: str, index: int | None) -> None:
    log = LogText.parse(f'{commands}\n\x1b[31;1mThe command "{named}" exited with 7.\x1b[0m\n')
    codes = [command.exit_code for command in log.commands]
    assert codes == [7 if at == index else None for at in range(len(codes))]


def test_a_timed_command_displayed_in_other_words_has_the_exit_code_that_follows_it() -> None:
    result = '\r\n\x1b[31;1mThe command "export SECRET=x && ./run" exited with 4.\x1b[0m\r\n'
    log = LogText.parse(timed(1, "./run [secure]", 1) + result)
    assert [one.exit_code for one in log.commands] == [4]
    log = LogText.parse(timed(1, "./run [secure]", 1) + "more\r\n" + result)
    assert [one.exit_code for one in log.commands] == [None], "it does not follow"


def test_a_command_in_a_fold_that_has_ended_has_no_result_that_names_another() -> None:
    text = fold("install", timed(1, "pip install x", 1))
    result = '\r\nThe command "./secret" exited with 4.\r\n'
    for between in ("", f"travis_fold:start:x{C}"):
        log = LogText.parse(text + between + result)
        assert [(one.exit_code, one.phase) for one in log.commands] == [(None, "install")]


def test_a_second_result_is_not_that_of_a_command_which_has_one() -> None:
    log = LogText.parse(
        '$ a\n$ a\nThe command "a" exited with 1.\nThe command "a" exited with 2.\nThe command "a" exited with 3.\n'
    )
    assert [one.exit_code for one in log.commands] == [2, 1]


# Timers around folds --------------------------------------------------------------------------------------------------

AROUND = {
    "system_info": (fold("system_info", "x\n"), "show_system_info", "system_info"),
    "a deployment": (fold("dpl.1", "x\n") + "Logged in\n" + fold("dpl.2", "y\n"), "after_success", "deploy"),
    "resolvconf": (fold("resolvconf", ""), "resolvconf", "resolvconf"),
    "docker": (fold("docker_mtu_and_registry_mirrors", ""), "set_docker_mtu", "docker_mtu_and_registry_mirrors"),
    "no event": (fold("services", "x\n"), None, "services"),
    "no fold": ("", "fix_ps4", "fix_ps4"),
    "neither": ("", None, "setup"),
}


@pytest.mark.parametrize(("body", "event", "phase"), AROUND.values(), ids=AROUND)
def test_the_fold_in_a_timer_names_its_phase(body: str, event: str | None, phase: str) -> None:
    suffix = f",event={event}" if event else ""
    log = LogText.parse(
        f"travis_time:start:1{C}{body}travis_time:end:1:start=1,finish=2,duration=1000000000{suffix}{C}\n"
    )
    assert durations(log) == {phase: 1.0}
    assert {line.phase for line in log.lines} <= {phase}


def test_a_timer_in_a_fold_and_one_around_it_count_once() -> None:
    inner = timed(2, "sudo service docker start", 1, "prepare")
    log = LogText.parse(
        f"travis_time:start:1{C}{fold('services', inner)}"
        f"travis_time:end:1:start=0,finish=3,duration=3000000000,event=services{C}"
    )
    assert durations(log) == {"services": 3.0}
    assert [(timing.id, timing.outermost) for timing in log.timings] == [("00000002", False), ("1", True)]
    again = (
        inner.rpartition("travis_time")[2]
        .replace("finish=2", "finish=4")
        .replace("=1000000000,event=prepare", "=3000000000,event=services")
    )
    log = LogText.parse(f"travis_time:start:1{C}{fold('services', inner)}travis_time{again}")
    assert durations(log) == {"services": 3.0}, "Travis ends the outer one under the id of the inner one"
    assert [command.duration for command in log.commands] == [1.0]


# Set-up ---------------------------------------------------------------------------------------------------------------

SET_UP = ("source ~/virtualenv/python3.6/bin/activate", "nvm install 10", "sudo systemctl start docker", "gimme 1.x",
          "jdk_switcher use oraclejdk8", "rvm use 2.6 --install")  # fmt: skip


@pytest.mark.parametrize("text", SET_UP)
@pytest.mark.parametrize("event", [None, ""])
def test_commands_before_the_install_phases_are_set_up(text: str, event: str | None) -> None:
    log = LogText.parse(
        timed(1, text, 59, event) + "$ export A=b\n$ python --version\n" + fold("install", timed(2, "pip install x", 1))
    )
    assert durations(log) == {"setup": 59.0, "install": 1.0}
    assert phases(log) == [
        (text, "setup"),
        ("export A=b", "setup"),
        ("python --version", "setup"),
        ("pip install x", "install"),
    ]


SCRIPTS = {
    "after install": fold("install", timed(1, "true", 1)) + timed(2, "make", 2),
    "after before_install": fold("before_install.1", timed(1, "true", 1)) + timed(2, "make", 2),
    "after before_script": fold("before_script", timed(1, "true", 1)) + timed(2, "make", 2),
    "by its event": timed(1, "source x", 1, "") + timed(2, "make", 2, "script"),
    "by its result": timed(1, "source x", 1) + timed(2, "make", 2) + '\nThe command "make" exited with 0.\n',
    "untimed, by its result": '$ ruby --version\n$ make\n\nThe command "make" exited with 0.\n',
    "in an install fold that never ended": f"travis_fold:start:install{C}{timed(1, 'true', 1, 'install')}{MAKE}",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_the_script_comes_after_install_or_says_so(text: str) -> None:
    log = LogText.parse(text)
    assert [command.text for command in log.commands if command.phase == "script"] == ["make"]
    assert log.phases["script"].duration in (2.0, None)


# Folds that never end -------------------------------------------------------------------------------------------------

INSTALL = f"travis_fold:start:install{C}{timed(1, 'pip install x', 1)}"

STOP = (
    '\x1b[31;1mThe command "pip install x" failed and exited with 1 during .\x1b[0m\r\n\r\n'
    "Your build has been stopped.\r\n"
)

OPEN = {
    "a failed install": f"{INSTALL}{STOP}",
    "two of them": f"travis_fold:start:before_install.1{C}x\n{INSTALL}{STOP}",
    "with one in it": f"{INSTALL}travis_fold:start:apt-get.diagnostics{C}y\n{STOP}",
    "the script's end": f"travis_fold:start:install{C}{timed(1, 'true', 1)}{MAKE}{SCRIPT_FAILED}",
    "a worker's": f"travis_fold:start:install{C}travis_time:start:1{C}$ pip install x\n\n\nDone: Job Cancelled\n\n",
    "no output": f"travis_fold:start:install{C}$ pip install x\n\nNo output has been received in the last 10m0s, x\n",
}


@pytest.mark.parametrize("text", OPEN.values(), ids=OPEN)
def test_an_open_fold_ends_where_the_log_says_that_the_job_ended(text: str) -> None:
    log = LogText.parse(text)
    end = next(line for line in log.lines if line.text.startswith(("Your build", "Done", "No output")))
    assert end.folds == ()
    assert all(line.folds == () for line in log.lines[end.number :])
    assert log.lines[end.number - 2].folds != ()
    assert {fold.last_line for fold in log.folds if fold.name == "install"} == {end.number - 1}


def test_a_fold_of_a_stage_ends_those_that_are_open() -> None:
    for name in ("before_script", "after_success", "cache.2", "deploy"):
        log = LogText.parse(f"travis_fold:start:install{C}a\ntravis_fold:start:x{C}b\ntravis_fold:start:{name}{C}c\n")
        assert [line.folds for line in log.lines] == [("install",), ("install", "x"), (name,)]
    log = LogText.parse(f"travis_fold:start:after_success{C}a\ntravis_fold:start:dpl.1{C}b\n")
    assert log.lines[1].folds == ("after_success", "dpl.1"), "a deployment is part of it"


# Saved logs -----------------------------------------------------------------------------------------------------------

WHOLE = (
    fold("git.checkout", timed(1, "git clone x", 1)) + fold("install", timed(2, "pip install x", 2))
    + timed(3, "make", 3) + SCRIPT_FAILED
)  # fmt: skip

SAVED = {
    "a newline for the carriage return": WHOLE.replace(C, "\n\x1b[0K"),
    "two newlines": WHOLE.replace(C, "\r\n\x1b[0K"),
    "a newline and nothing else": WHOLE.replace(C, "\n"),
    "no end at all": WHOLE.replace(C, ""),
    "no escape": WHOLE.replace(C, "\r"),
    "no carriage return": WHOLE.replace(C, "\x1b[0K"),
    "no line feeds": WHOLE.replace("\n", ""),
    "a carriage return for each line feed": WHOLE.replace("\r\n", "\r"),
    "two carriage returns for each line end": WHOLE.replace("\n", "\r"),
}


@pytest.mark.parametrize("text", SAVED.values(), ids=SAVED)
def test_saved_logs_have_the_same_commands(text: str) -> None:
    log = LogText.parse(text)
    whole = LogText.parse(WHOLE)
    assert [(one.text, one.phase, one.duration, one.exit_code) for one in log.commands] == [
        (one.text, one.phase, one.duration, one.exit_code) for one in whole.commands
    ]
    assert durations(log) == durations(whole)
    assert [line.text for line in log.lines if line.text] == [line.text for line in whole.lines if line.text]
    assert (log.exit_code, type(log.ending)) == (1, ScriptEnded)


def test_a_log_of_carriage_returns_has_the_same_lines() -> None:
    log = LogText.parse(WHOLE.replace("\r\n", "\r"))
    assert [line.text for line in log.lines] == [line.text for line in LogText.parse(WHOLE).lines]


# Untimed commands -----------------------------------------------------------------------------------------------------


def test_untimed_commands_belong_to_what_surrounds_them() -> None:
    env = f"travis_time:start:9{C}\r\nSetting environment variables\r\n$ export A=b\r\n$ export B=c\r\n\r\n"
    env += f"travis_time:end:9:start=1,finish=2,duration=1,event=env{C}"
    log = LogText.parse(
        fold("git.checkout", timed(1, "git clone x", 1) + "$ cd x\n$ git checkout -qf 1\n")
        + env + "$ java -version\n" + fold("rvm", "$ rvm use 2.6\n")
        + fold("install.1", timed(2, "true", 1) + "$ cd y\n")
        + "$ cd z\n" + fold("after_script", "$ rm -rf x\n")
    )  # fmt: skip
    assert phases(log) == [
        ("git clone x", "git.checkout"), ("cd x", "git.checkout"), ("git checkout -qf 1", "git.checkout"),
        ("export A=b", "env"), ("export B=c", "env"), ("java -version", "setup"), ("rvm use 2.6", "rvm"),
        ("true", "install"), ("cd y", "install"), ("cd z", "script"), ("rm -rf x", "after_script"),
    ]  # fmt: skip
    assert None not in {command.phase for command in log.commands}


# Commands that never ended --------------------------------------------------------------------------------------------

STOPPED = {
    "No output has been received in the last 10m0s, this potentially": (Stalled(seconds=600.0, line=6), 600.0),
    "The job exceeded the maximum time limit for jobs, and has been terminated.": (TimeLimit(line=6), None),
    "The log length has exceeded the limit of 4 MB (this usually means": (LogLimit(bytes=4_000_000, line=6), None),
    "Downloading": (Unfinished(), None),
}


@pytest.mark.parametrize("last", STOPPED)
def test_a_command_that_was_stopped_is_not_finished(last: str) -> None:
    ending, duration = STOPPED[last]
    log = LogText.parse(
        timed(1, "source x", 1) + fold("install", timed(2, "true", 1)) + f"travis_time:start:3{C}$ make\n{last}\n"
    )
    assert log.ending == ending
    make = log.commands[-1]
    assert (make.text, make.phase, make.finished, make.duration, make.exit_code) == (
        "make",
        "script",
        False,
        duration,
        None,
    )
    assert make.last_line == (5 if ending.line else None)
    assert (log.phases["script"].duration, log.groups["setup"].duration) == (duration, 1.0)
    assert [command.finished for command in log.commands] == [True, True, False]


def test_what_a_stopped_command_has_timed_itself_is_known() -> None:
    nested = f"travis_time:start:4{C}travis_time:end:4:start=1,finish=2,duration=5000000000{C}"
    log = LogText.parse(fold("install", "x\n") + f"travis_time:start:3{C}$ make\n{nested}more\n\nDone: Job Cancelled\n")
    assert log.phases["script"].duration == 5.0


# Attempts -------------------------------------------------------------------------------------------------------------


def attempts(log: LogText) -> list[tuple[str, int, int, int, bool | None, int | None]]:
    return [
        (one.command, one.number, one.of, one.line, one.failed, one.exit_code)
        for command in log.commands
        for one in command.attempts
    ]


def retry(text: str, number: int, of: int = 3) -> str:
    return f'\r\n\x1b[31;1mThe command "{text}" failed. Retrying, {number} of {of}.\x1b[0m\r\n\r\n'


def test_attempts_of_travis_retry_are_values() -> None:
    begun = f"travis_time:start:1{C}$ travis_retry make\r\nno\r\n"
    end = f"travis_time:end:1:start=1,finish=2,duration=1{C}"
    twice = LogText.parse(begun + retry("make", 2) + "yes\r\n" + end)
    assert attempts(twice) == [("make", 1, 3, 1, True, None), ("make", 2, 3, 4, False, None)]
    running = LogText.parse(begun + retry("make", 2))
    assert attempts(running)[1:] == [("make", 2, 3, 4, None, None)]
    gave_up = '\r\n\x1b[31;1mThe command "make" failed 3 times.\x1b[0m\r\n\r\n'
    result = '\r\n\x1b[31;1mThe command "travis_retry make" failed and exited with 5 during .\x1b[0m\r\n'
    thrice = LogText.parse(begun + retry("make", 2) + retry("make", 3) + gave_up + end + result)
    assert attempts(thrice) == [
        ("make", 1, 3, 1, True, None), ("make", 2, 3, 4, True, None), ("make", 3, 3, 7, True, 5),
    ]  # fmt: skip
    assert isinstance(thrice.ending, SetupFailed)


def test_attempts_of_several_commands_and_of_other_functions_are_values() -> None:
    begun = f"travis_time:start:1{C}$ ./ci.sh\r\n"
    end = f'travis_time:end:1:start=1,finish=2,duration=1{C}\r\nThe command "./ci.sh" exited with 1.\r\n'
    log = LogText.parse(begun + retry("eval a", 2) + retry("b", 2, 5).replace("5.", "5") + retry("b", 3, 5) + end)
    assert [one[:3] + one[4:] for one in attempts(log)] == [
        ("eval a", 1, 3, True, None), ("eval a", 2, 3, False, None), ("b", 1, 5, True, None), ("b", 2, 5, True, None),
        ("b", 3, 5, True, 1),
    ]  # fmt: skip
    untimed = LogText.parse("$ bundle install\n" + retry("bundle install", 2) + "x\n")
    assert [one[1] for one in attempts(untimed)] == [1, 2]
    several = LogText.parse("$ if x; then\n  y\nfi\n" + retry("if x; then\n  y\nfi", 2))
    assert [one[0] for one in attempts(several)] == ["if x; then"] * 2
    assert attempts(LogText.parse(retry("x", 2))) == [], "of no command"
    cut = LogText.parse("$ make\n" + retry("make", 3))
    assert [one[1] for one in attempts(cut)] == [2, 3]
    only_end = LogText.parse('$ make\nThe command "make" failed 3 times.\n')
    assert [one[1:5] for one in attempts(only_end)] == [(3, 3, 1, True)]


# Groups ---------------------------------------------------------------------------------------------------------------


def test_groups_of_phases_have_durations_that_add_up() -> None:
    log = LogText.parse(
        "".join(f"travis_time:start:{n}{C}travis_time:end:{n}:start=1,finish=2,duration=1000000000,event={name}{C}"
                for n, name in enumerate(("agent", "fix_ps4", "rvm_use"), 50))
        + fold("git.checkout", timed(1, "git clone x", 2)) + fold("git.submodule", timed(2, "git submodule x", 3))
        + timed(3, "source x", 4) + fold("cache.1", timed(4, "casher fetch", 5))
        + fold("before_install.1", timed(5, "a", 6))
        + fold("install", timed(6, "b", 7)) + fold("before_script", timed(7, "c", 8)) + timed(8, "make", 9)
        + fold("cache.2", timed(9, "casher push", 1)) + fold("after_success", timed(10, "d", 2))
        + fold("dpl_0", timed(11, "e", 3))
        + fold("dpl.1", "x\n") + fold("my.own", timed(12, "f", 4))
    )  # fmt: skip
    assert {name: group.duration for name, group in log.groups.items()} == {
        "setup": 7.0, "checkout": 5.0, "cache": 6.0, "install": 21.0, "script": 9.0, "after": 2.0,
        "deploy": 3.0, "other": 4.0,
    }  # fmt: skip
    assert sum(group.duration or 0 for group in log.groups.values()) == sum(
        timing.duration or 0 for timing in log.timings if timing.outermost
    )
    install = log.groups["install"]
    assert ([phase.name for phase in install.phases], install.line) == (
        ["before_install", "install", "before_script"],
        9,
    )
    assert all(phase.group == name for name, group in log.groups.items() for phase in group.phases)
    assert LogText().groups == {}
