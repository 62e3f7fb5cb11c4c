"""Faults on request: rules, REST faults, a proxy that misbehaves."""
