"""A log that is followed: its state, the looks at it, the stream."""
