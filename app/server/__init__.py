"""How a process runs the hub."""
