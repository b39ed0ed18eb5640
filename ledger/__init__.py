"""The access ledger: evidence that a stranger can check. Stands alone."""
