"""The structure of a job's log: phases, commands, folds, timings, lines."""

from aiotravis.log_text._ansi import Span, safe_for_terminal
from aiotravis.log_text._lines import Line, Lines
from aiotravis.log_text._log import Command, Fold, LogText, Phase
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._styles import Colour, Style

__all__ = [
    "Colour",
    "Command",
    "Fold",
    "Line",
    "Lines",
    "LogText",
    "Phase",
    "Span",
    "Style",
    "Timing",
    "safe_for_terminal",
]


def __dir__() -> list[str]:
    return __all__
