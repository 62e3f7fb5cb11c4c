"""A TCP proxy on the loopback interface that injects network faults between a client and a server."""

from aiotravis.testing.faults.proxy.proxy import FaultProxy

__all__ = ["FaultProxy"]
