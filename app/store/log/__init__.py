"""The log: the order of updates is decided here, and read here."""
