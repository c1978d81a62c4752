"""The read side: serves the read tables."""
