"""The client: `Travis`, from what it is given to the flows that it offers."""

from aiotravis.client._validation import COM, ORG
from aiotravis.client.travis import Travis

__all__ = ["COM", "ORG", "Travis"]
