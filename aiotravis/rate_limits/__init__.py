"""The server's published rate limits, kept by waiting."""

from aiotravis.rate_limits.limiter import Limits, Permit, RateLimiter, limiter_for, rules_apply

__all__ = ["Limits", "Permit", "RateLimiter", "limiter_for", "rules_apply"]
