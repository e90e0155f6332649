"""Commands that work on the configured database."""
