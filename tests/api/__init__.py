"""The whole API through the client against the embedded Travis."""
