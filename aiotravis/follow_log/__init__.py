"""Following one log: complete, in order, each part once."""

from aiotravis.follow_log.delivery import LogReset
from aiotravis.follow_log.lines import LogLines
from aiotravis.follow_log.stream import LogStream

__all__ = ["LogLines", "LogReset", "LogStream"]
