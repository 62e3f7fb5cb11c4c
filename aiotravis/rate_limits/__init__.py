"""Travis's published rate limits: the client throttles itself to them."""

from aiotravis.rate_limits.limiter import Limits, Permit
from aiotravis.rate_limits.memory import limiter_for, rules_apply
from aiotravis.rate_limits.protocol import Limiter

__all__ = ["Limiter", "Limits", "Permit", "limiter_for", "rules_apply"]
