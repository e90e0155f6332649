"""Background loops, safe in every process."""
