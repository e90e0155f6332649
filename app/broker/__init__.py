"""The broker: how processes announce commits to one another. The log remains the truth."""
