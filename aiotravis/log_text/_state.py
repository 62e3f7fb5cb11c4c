"""What was read of a log so far: open folds, timers and commands, the ending, and the phase of the lines. No I/O."""

from typing import Final

from aiotravis.log_text._commands import MESSAGE, Commands, read_message
from aiotravis.log_text._endings import BUILD_RESULT, FIRST_LINE, STOPPED, Ending, ScriptEnded, SetupFailed
from aiotravis.log_text._groups import AFTER_INSTALL, STAGES, UNFOLDABLE, UNNAMED, group_of, phase_of_fold
from aiotravis.log_text._lines import Lines
from aiotravis.log_text._markers import read_timing
from aiotravis.log_text._records import CommandRecord, FoldRecord, Message, PendingPhase, TimerRecord, phase_of_timer
from aiotravis.log_text._timers import Timers

__all__ = ["LogState"]

MAX_FOLD_DEPTH: Final = 16
"""Nested folds. One more ends the innermost; Travis itself nests two or three."""

MAX_STRUCTURES: Final = 1 << 17
"""Markers, commands and results that are recorded, which bounds memory. Later ones remain lines without markers."""

MAX_MESSAGE_LINES: Final = 1000
"""Lines of a message about a command of several lines."""

MAX_PRINTED: Final = 64
"""Commands in the output of another that are kept in case its end is lost."""

LINES_AFTER_ENDING: Final = 3
"""Lines after a failure until ``Your build has been stopped.``, and after an ending until another run begins."""


class LogState:
    """Structure of the lines that were added so far.

    Attributes:
        lines: The lines.
        commands: The commands.
        timers: The timers and what they measured.
        folds: The folds, in the order in which they start.
        run_line: Number of the first line of the last run of the job.
        script_ending: The ending that the script of the job has printed, or None.
        exit_code: Exit code of the job, or None.
        structure_line: Number of the last line before which or in which something other than output was read.
        changes: Counts changes of anything but `lines`.
        dropped: Number of markers, commands and results beyond `MAX_STRUCTURES`, which were not recorded.
    """

    def __init__(self) -> None:
        self.lines: Lines = Lines()
        self.commands: Commands = Commands()
        self.timers: Timers = Timers()
        self.folds: list[FoldRecord] = []
        self.run_line: int = 1
        self.script_ending: Ending | None = None
        self.exit_code: int | None = None
        self.structure_line: int = 0
        self.changes: int = 0
        self.dropped: int = 0
        self._stack: list[FoldRecord] = []
        self._new_timer: TimerRecord | None = None
        self._printed: list[CommandRecord] = []
        self._message: str | None = None
        self._message_line = 0
        self._past_install = False
        self._no_phase = PendingPhase()
        self._lines_to_read = 0
        """Lines to read even if they contain nothing that hints at a structure."""

    def close(self, ending: Ending) -> None:
        """End the log.

        Args:
            ending: How the job ended, as far as it is known.
        """
        line, command = ending.line, self.commands.untimed
        if command is not None and command.last_line is None:
            command.finished = isinstance(ending, ScriptEnded | SetupFailed)
            command.last_line = len(self.lines) if line is None or line <= command.line else line - 1
            self.changes += 1
        if line is not None and line > self.structure_line:
            # A worker has stopped the job in a fold.
            for fold in self.folds:
                if fold.last_line is None or fold.last_line >= line:
                    fold.last_line = max(line, fold.line) - 1
            self.lines._end_scope(line, self._no_phase)

    def _has_room(self) -> bool:
        """Whether one more structure may be recorded; if not, count it as dropped."""
        self.dropped += self.changes >= MAX_STRUCTURES
        return self.changes < MAX_STRUCTURES

    @property
    def _fold(self) -> FoldRecord | None:
        return self._stack[-1] if self._stack else None

    def _enter(self, phase: PendingPhase) -> None:
        """Set the phase of the following lines."""
        self.lines._folds, self.lines._phase = self._stack[-1].names if self._stack else (), phase

    def _leave(self) -> None:
        """Return to what surrounds a timer or a fold that has ended."""
        fold = self._fold
        self._enter(self.timers.around(fold) or (fold.phase if fold else self._no_phase))

    def _go_on(self, line: int) -> None:
        """Note that the log goes on after what may have been its ending, or that of a command."""
        self.structure_line = line
        if self.commands.untimed is not None:
            self.changes += self.commands.finish_untimed(self.lines._count)

    # Commands ---------------------------------------------------------------------------------------------------------

    def _start_command(self, text: str, seconds: float | None = None, label: str | None = None) -> None:
        timer, fold, line = self._new_timer, self._fold, self.lines._count + 1
        running = self.timers.running
        if running is not None and timer is None:
            # Tools such as yarn print their own commands like this.
            if len(self._printed) < MAX_PRINTED:
                self._printed.append(CommandRecord(text, self.lines._phase, line))
            return
        if self._printed:
            self._end_running()
        self._go_on(line)
        self.changes += 1
        self._message = None
        phase: PendingPhase | None = timer
        if phase is None:
            phase = PendingPhase(None, fold.phase.name if fold else None, self.timers.around(fold))
            self._enter(phase)
        if label is not None:
            self._pass(label, line - 1)
        phase.default = phase.default or label or UNNAMED[self._past_install]
        command = CommandRecord(text, phase, line, timer is not None)
        command.duration = seconds
        if timer is not None:
            timer.command, self.timers.running = command, timer
        self.commands.add(command)

    def _end_running(self) -> None:
        """Note that the end of the command is lost whose output was read: what it printed may be commands."""
        self.timers.running = None
        printed, self._printed = self._printed, []
        for command in printed:
            if self._has_room():
                self.changes += 1
                self.commands.all[-1].finish(command.line - 1)
                command.phase.default = command.phase.default or UNNAMED[self._past_install]
                self.commands.add(command)

    def _read_text(self, shown: str) -> None:
        """Read a line that is no command and has no markers."""
        line = self.lines._count + 1
        if self._message is not None and line > self._message_line + MAX_MESSAGE_LINES:
            self._message = None
        begun = self._message
        message = read_message(shown, begun) if begun is not None or shown.startswith(MESSAGE) else None
        if isinstance(message, Message):
            begin, self._message, self._lines_to_read = self._message_line, None, 0
            self._read_message(message, line if message.whole else begin, line)
        elif message is not None:
            self._lines_to_read = 1
            if message is not self._message:
                self._message, self._message_line = message, line
                if self.timers.running is None and self.commands.all and self._has_room():
                    self.changes += 1
                    self._enter(self.commands.all[-1].phase)
        elif self.timers.running is not None:
            return
        elif found := BUILD_RESULT.match(shown):
            self._end_script(int(found[1]), line)
        elif isinstance(self.script_ending, SetupFailed) and shown.rstrip() == STOPPED:
            self._end_folds(0)
            self._enter(self._no_phase)
        elif self.script_ending is not None and shown.startswith(FIRST_LINE):
            self._start_run(line)

    def _start_run(self, line: int) -> None:
        """Begin again: a job that is run again may write into the same log."""
        if self.script_ending is not None or self._past_install:
            self.run_line = line
        self.script_ending = self.exit_code = None
        self._past_install = False

    def _end_script(self, code: int, line: int) -> None:
        if not isinstance(self.script_ending, SetupFailed):
            if self._may_be_output():
                # It counts while nothing follows it.
                return
            self.script_ending = ScriptEnded(code=code, line=line)
        self.exit_code = code
        self._lines_to_read = LINES_AFTER_ENDING
        self.changes += self.commands.finish_untimed(self.lines._count)
        if self._has_room():
            self.changes += 1
            self._end_folds(0)
            self._enter(self._no_phase)

    def _may_be_output(self) -> bool:
        """Return whether a command may still be running."""
        untimed = self.commands.untimed
        return self.timers.of_command is not None or (untimed is not None and untimed.exit_code is None)

    def _read_message(self, message: Message, begin: int, line: int) -> None:
        running = self.timers.running.command if self.timers.running else None
        if message.code is None:
            self.changes += 1
            if (command := running or self.commands.untimed) is not None and self._has_room():
                self.structure_line = line
                command.attempts = command.attempts or []
                command.attempts.append((message, line))
            return
        if running is not None and not self.commands.is_named(running, message.command):
            # The output of a command.
            return
        command = None
        if self._has_room():
            self.changes += 1
            command = self.commands.find(message)
            lost = len(self.timers.ended) == 1 and not (self.commands.all or self.folds)
            if command is None and lost and begin > 1 and not message.stopped:
                # fact 10.2: some logs lack their beginning. Then the first timer that ends is that of this command.
                command = CommandRecord(message.command, PendingPhase(), 1, True, 0)
                self.lines._end_scope(1, command.phase)
                self.commands.add(command)
        if command is not None:
            command.exit_code = message.code
            self._name_phase(command, message)
            self.commands.end(command, begin, line)
            self.timers.running = None
            self._printed.clear()
            self._enter(command.phase)
        if not message.stopped:
            self.structure_line = line
        elif not self._may_be_output() and not isinstance(self.script_ending, SetupFailed):
            self.structure_line = line
            phase = message.phase or (self._fold.phase.name if self._fold else None)
            if command is not None and message.phase not in STAGES:
                phase = command.phase.name
            text = command.text if command else message.command
            self.script_ending = SetupFailed(command=text, phase=phase, code=message.code, line=line)
            # The next line but one says that the build has been stopped.
            self._lines_to_read = LINES_AFTER_ENDING

    def _name_phase(self, command: CommandRecord, message: Message) -> None:
        """Set the phase of a command by its result: Travis prints one for the script, and if a phase before fails."""
        default = command.phase.default or ""
        if message.stopped:
            if default in UNNAMED and message.phase in STAGES:
                command.phase.own = command.phase.own or message.phase
        elif group_of(default) not in ("after", "deploy"):
            command.phase.own = "script"
            self._past_install = True

    # Markers ----------------------------------------------------------------------------------------------------------

    def _start_fold(self, name: str) -> None:
        # What a fold contains is not timed by a timer around it.
        self._new_timer = self.commands.just_ended = None
        phase_name = phase_of_fold(name)
        group = group_of(phase_name)
        if self.timers.running is None and (group == "checkout" or name == "worker_info"):
            self._start_run(self.lines._count + 1)
        if name == "agent.debug":
            # Since 2019, this fold may follow the end.
            self.changes += self.commands.finish_untimed(self.lines._count)
        else:
            self._go_on(self.lines._count)
        if name in UNFOLDABLE or (phase_name in STAGES and phase_name != "script"):
            self._end_running()
            # Only the folds of a deployment stand in others.
            outer = group_of(self._stack[0].names[0]) if phase_name == "deploy" and self._stack else None
            if outer not in ("after", "deploy"):
                self._end_folds(0)
        if len(self._stack) == MAX_FOLD_DEPTH:
            self._end_folds(MAX_FOLD_DEPTH - 1)
        around, running = self._fold, self.timers.running
        if running is not None:
            # The output of a command contains this fold.
            phase: PendingPhase = running
        elif around is not None and phase_name not in STAGES:
            phase = around.phase
        else:
            phase = PendingPhase(own=phase_name, around=self.timers.of_command)
            self.timers.contain(around, phase_name)
        self._stack.append(FoldRecord((*around.names, name) if around else (name,), phase, self.lines._count + 1))
        self.folds.append(self._stack[-1])
        self._enter(phase)

    def _end_fold(self, name: str) -> None:
        for depth in range(len(self._stack) - 1, -1, -1):
            if self._stack[depth].names[-1] == name:
                self._new_timer = self.commands.just_ended = None
                self.changes += self.commands.finish_untimed(self.lines._count)
                self._end_folds(depth)
                self._leave()
                return

    def _end_folds(self, depth: int) -> None:
        """End the folds from a depth on, with the timers in them."""
        for fold in reversed(self._stack[depth:]):
            fold.last_line = self.lines._count
            self._pass(fold.phase.own, fold.line)
            # fact 10.3: some timers never end. Left open, one would contain all that follows.
            dropped = [timer for timer in self.timers.latest() if timer.fold is fold] if self.timers.open else []
            if dropped and self.timers.running in dropped:
                self._end_running()
                self.changes += self.commands.finish_untimed(self.lines._count)
            self.timers.drop(dropped, self.lines._count)
        del self._stack[depth:]

    def _pass(self, phase: str | None, line: int) -> None:
        """Note that a phase has ended which began at a line. An empty one does not count: not all are for this job."""
        if not self._past_install and phase is not None and line <= self.lines._count:
            self._past_install = group_of(phase) in AFTER_INSTALL

    def _start_timer(self, id: str) -> None:
        count = self.lines._count
        self._go_on(count)
        self._new_timer = self.timers.start(id, count + 1, self.changes, self._stack[-1] if self._stack else None)
        if self._printed and self.timers.running is None:
            self._end_running()
        self._enter(self._new_timer)

    def _end_timer(self, id: str, details: str) -> None:
        count, fold = self.lines._count, self._fold
        self._go_on(count)
        self._new_timer = None
        timing = read_timing(id, details)
        timer = self.timers.find(id, timing.start)
        if timer is None:
            # Its start is lost.
            timer = TimerRecord(None, None, self.timers.around(fold), id, count + 1, self.changes, 0, fold)
        timer.timing = timing
        if not timer.until:
            inside = timer.fold.phase.name if timer.fold else None if timer.command else timer.first_fold
            name = phase_of_timer(timing.event, inside)
            timer.default = timer.default or UNNAMED[self._past_install]
            timer.own = name or timer.own
            self._pass(name, timer.line)
        if (command := timer.command) is not None:
            command.duration = timing.duration
            if self.timers.open.get(id) is timer:
                command.last_line, command.finished = count, True
                self.commands.end_timed(command)
        if timing.duration is not None:
            self.lines._set_duration(timer.line, timing.duration)
        self.timers.end(timer, self.changes, count)
        if self.timers.running is None:
            self._printed.clear()
        self._leave()
