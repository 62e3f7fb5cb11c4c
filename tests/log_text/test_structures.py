"""Commands, folds and phases as values."""

from aiotravis.log_text import Attempt, Command, Fold, Phase, PhaseGroup


def test_structures_are_values() -> None:
    attempt = Attempt(command="make", number=1, of=3, line=1)
    command = Command(text="make", line=1, attempts=(attempt,))
    phase = Phase(name="script", commands=(command,), line=1)
    group = PhaseGroup(name="script", phases=(phase,), line=1)
    assert {group, PhaseGroup(name="script", phases=(phase,), line=1)} == {group}
    assert (attempt.failed, command.finished, phase.duration, group.duration) == (None, True, None, None)
    assert Fold(name="install.1", line=1).last_line is None
