"""How processes tell one another what was committed; none of it is believed without the log."""
