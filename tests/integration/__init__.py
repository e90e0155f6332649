"""Whole hubs on real servers: every entry point, on SQLite and on PostgreSQL with Redis."""
