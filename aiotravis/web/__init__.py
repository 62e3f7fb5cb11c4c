"""For aiohttp.web: receiving webhooks, and signing people in with their Travis account."""

from aiotravis.web._webhooks import webhook_handler

__all__ = ["webhook_handler"]


def __dir__() -> list[str]:
    return __all__
