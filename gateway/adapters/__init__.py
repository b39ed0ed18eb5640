"""One third-party library per file; siblings never import one another."""
