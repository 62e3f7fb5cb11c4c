"""Bulk work without knowledge of entities: pages, cursors, batches of ids, concurrent calls, progress."""
