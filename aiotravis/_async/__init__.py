"""Helpers of all layers above: retries, deadlines, background tasks, the lifetime of a client."""
