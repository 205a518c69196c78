"""A session in its store, and everything that changes it."""
