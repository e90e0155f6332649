"""Fan-out: sends committed updates to watchers, from memory where possible, else from the log."""
