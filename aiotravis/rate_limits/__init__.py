"""Travis's published rate limits: the client throttles itself to them."""

from aiotravis.rate_limits.protocol import Limiter
from aiotravis.rate_limits.redis_limits import RedisLimits
from aiotravis.rate_limits.selection import RateLimits, limiter_for
from aiotravis.rate_limits.snapshot import Limits
from aiotravis.rate_limits.windows import Permit

__all__ = ["Limiter", "Limits", "Permit", "RateLimits", "RedisLimits", "limiter_for"]
