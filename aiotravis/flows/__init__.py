"""Work that needs several endpoints, or REST and the live channel together."""
