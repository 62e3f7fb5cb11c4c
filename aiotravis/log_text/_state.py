"""What was read of a log so far: open folds, timers and commands, the ending, and the phase of the lines. No I/O."""

from typing import Final

from aiotravis.log_text._commands import CommandRecord, Commands, Message, read_message
from aiotravis.log_text._endings import (
    BUILD_RESULT,
    STOPPED,
    Ending,
    ScriptEnded,
    SetupFailed,
)
from aiotravis.log_text._groups import AFTER_INSTALL, STAGES, group_of, phase_of_fold
from aiotravis.log_text._lines import Lines
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._phases import PendingPhase, Scope, phase_of_timer
from aiotravis.log_text._timers import FoldRecord, TimerRecord, Timers

__all__ = ["LogState"]

MAX_FOLD_DEPTH: Final = 16
"""Nested folds. One more ends the innermost; Travis itself nests two or three."""

MAX_STRUCTURES: Final = 1 << 17
"""Markers, commands and results that are recorded, which bounds the memory that a log needs beside its own text. Later
ones remain plain lines, without the markers."""

MAX_MESSAGE_LINES: Final = 1000
"""Lines of a message about a command of several lines."""

MAX_LINES_BEFORE_STOP: Final = 3
"""Lines after a failure until ``Your build has been stopped.``"""

UNFOLDABLE: Final = frozenset({"worker_info", "system_info", "git.checkout"})
"""Folds that stand in no other fold, beside those of the stages."""


class LogState:
    """Structure of the lines that were added so far.

    Attributes:
        lines: The lines.
        commands: The commands.
        timers: The timers and what they measured.
        folds: The folds, in the order in which they start.
        script_ending: The ending that the script of the job has printed, or None.
        doubtful_ending: One that was printed while a command may have been running. It counts while nothing follows.
        exit_code: Exit code of the job, or None.
        structure_line: Number of the last line before which or in which something other than output was read.
        has_messages: Whether Travis said something of a command.
        changes: Counts changes of anything but `lines`.
        dropped: Number of markers, commands and results beyond `MAX_STRUCTURES`, which were not recorded.
    """

    def __init__(self) -> None:
        self.lines: Lines = Lines()
        self.commands: Commands = Commands()
        self.timers: Timers = Timers()
        self.folds: list[FoldRecord] = []
        self.script_ending: Ending | None = None
        self.doubtful_ending: ScriptEnded | SetupFailed | None = None
        self.exit_code: int | None = None
        self.structure_line: int = 0
        self.has_messages: bool = False
        self.changes: int = 0
        self.dropped: int = 0
        self._stack: list[FoldRecord] = []
        self._new_timer: TimerRecord | None = None
        self._message: str | None = None
        self._message_line = 0
        self._past_install = False
        self._no_phase = PendingPhase()
        self._scope = Scope((), self._no_phase)
        self._lines_to_read = 0
        """Lines to read even if they contain nothing that hints at a structure."""

    def close(self, ending: Ending | None) -> None:
        """End the log.

        Args:
            ending: How the job ended, as far as it is known.
        """
        line = ending.line if ending is not None else None
        command = self.commands.untimed
        if command is not None and command.last_line is None:
            command.finished = isinstance(ending, ScriptEnded | SetupFailed)
            command.last_line = self.lines._count if line is None or line <= command.line else line - 1
            self.changes += 1
        if line is not None and line > self.structure_line:
            # A worker has stopped the job in a fold.
            for fold in self.folds:
                if fold.last_line is None or fold.last_line >= line:
                    fold.last_line = max(line, fold.line) - 1
            self.lines._set_scope(Scope((), self._no_phase), line)

    def _has_room(self) -> bool:
        """Whether one more structure may be recorded; if not, count it as dropped."""
        self.dropped += self.changes >= MAX_STRUCTURES
        return self.changes < MAX_STRUCTURES

    # Commands ---------------------------------------------------------------------------------------------------------

    @property
    def _fold(self) -> FoldRecord | None:
        return self._stack[-1] if self._stack else None

    @property
    def _unnamed_phase(self) -> str:
        """Phase of commands outside of folds."""
        return "script" if self._past_install else "setup"

    def _start_command(self, text: str) -> None:
        self._go_on(self.lines._count + 1)
        self.changes += 1
        self._message = None
        fold = self._stack[-1] if self._stack else None
        name = fold.phase.name if fold else None
        timer = self._new_timer
        phase = timer.phase if timer else PendingPhase(around=self.timers.around(fold))
        if phase.default is None:
            phase.default = name or self._unnamed_phase
        self._enter(phase)
        command = CommandRecord(text, phase, self.lines._count + 1, name, timer is not None)
        self.commands.add(command)
        if timer:
            timer.command = command
            self.timers.running = timer

    def _end_untimed_command(self) -> None:
        if self.commands.untimed is not None:
            self.commands.finish_untimed(self.lines._count)
            self.changes += 1

    def _read_text(self, shown: str) -> None:
        """Read a line that is no command and has no markers."""
        line = self.lines._count + 1
        if self._message is not None and line > self._message_line + MAX_MESSAGE_LINES:
            self._message = None
        message = read_message(shown, self._message)
        if isinstance(message, Message):
            self._message, self._lines_to_read, self.has_messages = None, 0, True
            self._read_message(message, line)
            return
        if message is not None:
            self._begin_message(message, line)
            return
        if self.timers.running is not None:
            return
        if found := BUILD_RESULT.match(shown):
            self._end_script(int(found[1]), line)
        elif isinstance(self.script_ending or self.doubtful_ending, SetupFailed) and shown.rstrip() == STOPPED:
            self._end_all_folds(self.lines._count)
            self._enter(self._no_phase)

    def _end_script(self, code: int, line: int) -> None:
        ending = ScriptEnded(code=code, line=line)
        if isinstance(self.script_ending, SetupFailed):
            self.exit_code = code
        elif self._may_be_output():
            self.doubtful_ending = ending
            return
        else:
            self.script_ending, self.exit_code = ending, code
        self._end_untimed_command()
        if self._has_room():
            self.changes += 1
            self._end_all_folds(self.lines._count)
            self._enter(self._no_phase)

    def _may_be_output(self) -> bool:
        """Return whether a command may still be running."""
        untimed = self.commands.untimed
        return self.timers.of_command is not None or (untimed is not None and untimed.exit_code is None)

    def _begin_message(self, message: str, line: int) -> None:
        if self._message is None or message is not self._message:
            self._message, self._message_line = message, line
            if self.timers.running is None and self.commands.all and self._has_room():
                self.changes += 1
                self._enter(self.commands.all[-1].phase)
        self._lines_to_read = 1

    def _read_message(self, message: Message, line: int) -> None:
        running = self.timers.running.command if self.timers.running else None
        if message.code is None:
            if (command := running or self.commands.untimed) is not None and self._has_room():
                self.changes += 1
                self.structure_line, self.doubtful_ending = line, None
                self.commands.add_attempt(command, message, line)
            return
        if running is not None and not self.commands.is_named(running, message):
            # The output of a command.
            return
        self.structure_line, self.doubtful_ending = line, None
        command = self.commands.resolve(message) if self._has_room() else None
        if command is not None:
            self.changes += 1
            self._end_untimed_command()
            command.finish(self.lines._count)
            self.timers.running = None
            self._name_phase(command, message)
            self._enter(command.phase)
        if message.stopped and not isinstance(self.script_ending, SetupFailed):
            self._stop(command, message, line)

    def _stop(self, command: CommandRecord | None, message: Message, line: int) -> None:
        phase = message.phase or (self._fold.phase.name if self._fold else None)
        if command is not None and message.phase not in STAGES:
            phase = command.phase.name
        text = command.text if command else message.command
        ending = SetupFailed(command=text, phase=phase, code=message.code, line=line)
        self.changes += 1
        if self._may_be_output():
            self.doubtful_ending = ending
        else:
            self.script_ending = ending
        # The next line but one says that the build has been stopped.
        self._lines_to_read = MAX_LINES_BEFORE_STOP

    def _name_phase(self, command: CommandRecord, message: Message) -> None:
        """Set the phase of a command by its result: Travis prints one for the script, and if a phase before fails."""
        if message.stopped:
            if command.fold is None and message.phase in STAGES:
                command.phase.own = command.phase.own or message.phase
        elif command.fold is None or group_of(command.fold) not in ("after", "deploy"):
            command.phase.own = "script"
            self._past_install = True

    def _go_on(self, line: int) -> None:
        """Note that the log goes on after what may have been its ending, or that of a command."""
        self.structure_line = line
        self.doubtful_ending = None
        if self.commands.untimed is not None:
            self.commands.finish_untimed(self.lines._count)
            self.changes += 1

    # Markers ----------------------------------------------------------------------------------------------------------

    def _enter(self, phase: PendingPhase) -> None:
        folds = self._stack[-1].names if self._stack else ()
        if self._scope.phase is not phase or self._scope.folds is not folds:
            self._scope = Scope(folds, phase)
            self.lines._set_scope(self._scope)

    def _leave(self) -> None:
        """Return to what surrounds a timer or a fold that has ended."""
        around = self.timers.around(self._fold)
        self._enter(around or (self._stack[-1].phase if self._stack else self._no_phase))

    def _start_fold(self, name: str) -> None:
        # What a fold contains is not timed by a timer around it.
        self._new_timer = None
        phase_name = phase_of_fold(name)
        if name == "worker_info" and self.timers.running is None:
            # A job that is run again writes into the same log.
            self.script_ending = self.exit_code = None
            self._past_install = False
        if name == "agent.debug":
            # Since 2019, this fold may follow the end.
            self._end_untimed_command()
        else:
            self._go_on(self.lines._count)
        if name in UNFOLDABLE or (phase_name in STAGES and phase_name != "script"):
            self._end_unended(phase_name)
        if len(self._stack) == MAX_FOLD_DEPTH:
            self._end_fold(self._stack[-1].name)
        around, running = self._fold, self.timers.running
        if running is not None:
            # The output of a command contains this fold.
            phase = running.phase
        elif around is not None and phase_name not in STAGES:
            phase = around.phase
        else:
            owner = self.timers.of_command
            phase = PendingPhase(own=phase_name, around=owner.phase if owner else None)
            self._past_install = self._past_install or group_of(phase_name) in AFTER_INSTALL
            self.timers.contain(around, phase_name)
        self._stack.append(FoldRecord((*around.names, name) if around else (name,), phase, self.lines._count + 1))
        self.folds.append(self._stack[-1])
        self._enter(phase)

    def _end_unended(self, phase_name: str) -> None:
        """End the folds and the command before a stage, whose ends are missing."""
        self.timers.running = None
        # Only the folds of a deployment stand in others.
        if phase_name != "deploy" or not self._stack or group_of(self._stack[0].name) not in ("after", "deploy"):
            self._end_all_folds(self.lines._count)

    def _end_all_folds(self, last_line: int) -> None:
        for fold in reversed(self._stack[:]):
            self._end_fold(fold.name)
            fold.last_line = max(last_line, fold.line - 1)

    def _end_fold(self, name: str) -> None:
        if all(fold.name != name for fold in self._stack):
            return
        self._end_untimed_command()
        while True:
            fold = self._stack.pop()
            fold.last_line = self.lines._count
            for timer in self.timers.drop_in(fold):
                if timer.command:
                    timer.command.finish(self.lines._count)
            if fold.name == name:
                break
        self._new_timer = None
        self._leave()

    def _start_timer(self, id: str) -> None:
        self._go_on(self.lines._count)
        self._new_timer = self.timers.start(id, self.lines._count + 1, self.changes, self._fold)
        self._enter(self._new_timer.phase)

    def _end_timer(self, timing: Timing) -> None:
        self._go_on(self.lines._count)
        self._new_timer = None
        timer = self.timers.open.get(timing.id)
        line: int | None
        if timer is not None:
            inside = timer.fold.phase.name if timer.fold else None if timer.command else timer.first_fold
            name = phase_of_timer(timing.event, inside)
            if timer.phase.default is None:
                timer.phase.default = self._unnamed_phase
            if name is not None and not self._past_install:
                self._past_install = group_of(name) in AFTER_INSTALL
            self.timers.end(timing, name, self.changes)
            line = timer.line
            if timer.command is not None:
                self._end_timed_command(timer.command, timing)
        elif (line := self.timers.end_again(timing, self.changes)) is None:
            fold = self._fold
            name = phase_of_timer(timing.event, fold.phase.name if fold else None) or self._unnamed_phase
            phase = PendingPhase(own=name, around=self.timers.around(fold))
            self.timers.end_unknown(timing, phase, self.lines._count + 1, self.changes)
        if line is not None and timing.duration is not None:
            self.lines._set_duration(line, timing.duration)
        self._leave()

    def _end_timed_command(self, command: CommandRecord, timing: Timing) -> None:
        command.duration, command.last_line, command.finished = timing.duration, self.lines._count, True
        # What came since then was its output, perhaps the log of another job.
        self.commands.unresolve(command)
        self.commands.drop_untimed_after(command)
        self.commands.just_ended = command
