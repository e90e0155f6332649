"""How processes announce commits to one another; the log remains the truth."""
