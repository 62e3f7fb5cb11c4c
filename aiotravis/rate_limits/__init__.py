"""Travis's published rate limits: the client throttles itself to them."""

from aiotravis.rate_limits.limiter import Limits, Permit, RateLimiter, limiter_for, rules_apply

__all__ = ["Limits", "Permit", "RateLimiter", "limiter_for", "rules_apply"]
