"""Benchmarks: how fast, beside what else, in one run. ``python -m benchmarks`` prints them."""
