"""Proving that the read tables are what the log comes to: all of them, some orders, a sample now and then."""
