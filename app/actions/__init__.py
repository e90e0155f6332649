"""Actions: one function per verb. Each opens one transaction, and announces after the commit."""
