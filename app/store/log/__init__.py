"""The log: the order of updates is decided here, and the log is read here."""
