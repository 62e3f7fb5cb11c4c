"""The structure of a job's log: phases, commands, folds, timings, lines."""

from aiotravis.log_text._ansi import Span, safe_for_terminal
from aiotravis.log_text._endings import (
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
    WithState,
)
from aiotravis.log_text._lines import Line, Lines
from aiotravis.log_text._log import LogText
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._structures import Attempt, Command, Fold, Phase, PhaseGroup
from aiotravis.log_text._styles import Colour, Style

__all__ = [
    "Attempt",
    "Canceled",
    "Colour",
    "Command",
    "Ending",
    "Fold",
    "Line",
    "Lines",
    "LogLimit",
    "LogText",
    "NotATravisLog",
    "Phase",
    "PhaseGroup",
    "ScriptEnded",
    "ScriptNotGenerated",
    "SetupFailed",
    "Span",
    "Stalled",
    "Style",
    "TimeLimit",
    "Timing",
    "Unfinished",
    "WithState",
    "safe_for_terminal",
]


def __dir__() -> list[str]:
    return __all__
