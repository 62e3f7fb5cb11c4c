"""The client: what it accepts, what it refuses beforehand, what it fetches from the embedded Travis."""
