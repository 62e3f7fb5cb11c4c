"""The proxy that makes the network misbehave, between plain asyncio clients and plain asyncio servers."""
