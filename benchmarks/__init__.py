"""Benchmarks of aiotravis beside other clients. ``python -m benchmarks`` runs and prints them."""
