"""What every layer above shares: retries, deadlines, background tasks, the lifetime of a client."""
