"""What the hub can do: one verb, one function, one transaction, the announcement after the commit."""
