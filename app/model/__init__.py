"""Values and rules, without I/O, clock or framework."""
