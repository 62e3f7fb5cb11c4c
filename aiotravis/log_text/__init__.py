"""The text of a job's log as structure: phases, commands, folds, timings, lines."""

from aiotravis.log_text._log import (
    Colour,
    Command,
    Fold,
    Line,
    Lines,
    LogText,
    Phase,
    Span,
    Style,
    Timing,
    safe_for_terminal,
)

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
