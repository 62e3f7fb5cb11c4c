"""A network that misbehaves on request, between a client and a server on the loopback interface."""

from aiotravis.testing.faults.proxy.proxy import FaultProxy

__all__ = ["FaultProxy"]
