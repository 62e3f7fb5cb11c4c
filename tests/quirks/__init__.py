"""The numbered quirks of the API facts, each tested through the public client."""
