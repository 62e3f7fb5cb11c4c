"""The ``aiotravis`` command: a thin layer over the library. It needs the extra ``cli``."""

from aiotravis.cli._main import main, run

__all__ = ["main", "run"]
