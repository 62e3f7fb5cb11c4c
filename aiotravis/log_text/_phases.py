"""Phases whose names become known after their lines. No I/O."""

from dataclasses import dataclass

from aiotravis.log_text._groups import STAGES

__all__ = ["PendingPhase", "Scope", "phase_of_timer"]


@dataclass(slots=True, eq=False)
class PendingPhase:
    """The phase of some lines, whose name may become known after them.

    Attributes:
        own: Name by a fold, a timer or a result, or None.
        default: Name as long as nothing says more.
        around: Phase of the timer around it. Once that timer has ended, everything in it has its phase.
        ended: Whether the timer of this phase has ended.
    """

    own: str | None = None
    default: str | None = None
    around: "PendingPhase | None" = None
    ended: bool = False

    @property
    def name(self) -> str | None:
        """The name as far as it is known."""
        name, around = self.own or self.default, self.around
        while around is not None:
            # fact 10.3: some timers never end; these say nothing of what follows them.
            if around.ended:
                name = around.own or around.default or name
            around = around.around
        return name


@dataclass(slots=True, eq=False)
class Scope:
    """The folds and the phase that lines belong to."""

    folds: tuple[str, ...]
    phase: PendingPhase


def phase_of_timer(event: str | None, fold: str | None) -> str | None:
    """Return the phase that a timer names at its end.

    Args:
        event: What it says, ``event=script``.
        fold: Phase of the fold around it, or of the first fold in it.
    """
    # fact 10.3: the fold names the phase, `event=` does where there is no fold. But Travis folds no script, and a fold
    # of another stage was not ended.
    if event == "script" or fold is None:
        return event
    return event if event in STAGES and fold in STAGES and fold != "deploy" else fold
