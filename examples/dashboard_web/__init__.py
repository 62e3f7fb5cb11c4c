"""A dashboard in the browser: many repositories' builds, live."""
