"""The numbered quirks of the API facts, each survived through the public client."""
