"""The hub's HTML pages. Each is complete without JavaScript."""
