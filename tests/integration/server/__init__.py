"""A process that serves the hub, whichever command started it."""
