"""Load that is held for minutes: what leaks, and what is lost, shows only with time."""
