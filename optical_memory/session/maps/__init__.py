"""Mappings that share what did not change, and JSON decoded as strictly as the records are."""
