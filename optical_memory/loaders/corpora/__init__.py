"""Published sets of conversations."""
