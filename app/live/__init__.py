"""Fan-out: how what stands in the log reaches those who watch, at once where possible, from the log where not."""
