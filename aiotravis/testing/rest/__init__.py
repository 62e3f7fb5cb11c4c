"""The REST side of the embedded Travis: middleware, routes per entity, payloads."""
