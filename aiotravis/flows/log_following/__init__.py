"""A job's log, followed live: complete, in order, each part once."""

from aiotravis.flows.log_following.following import LogReset
from aiotravis.flows.log_following.stream import LogStream

__all__ = ["LogReset", "LogStream"]
