"""What the hub can do: one verb, one function, one transaction, the broker told after the commit."""
