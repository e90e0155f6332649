"""Whole hubs on real servers: every door, on SQLite and on PostgreSQL with Redis."""
