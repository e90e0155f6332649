"""The database: its engines, its transactions, its schema."""
