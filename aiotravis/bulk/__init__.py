"""Fetching many values: pages, batches of ids, concurrent calls, progress. Generic: knows no entity."""
