"""The live channel: from a socket to typed events."""
