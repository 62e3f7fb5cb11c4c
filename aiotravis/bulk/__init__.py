"""Bulk work without knowledge of entities: pages, batches of ids, concurrent calls, progress."""
