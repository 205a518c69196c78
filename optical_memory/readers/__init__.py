"""Models that see pages and read them back: one protocol, one module a family."""
