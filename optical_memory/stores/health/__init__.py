"""The settings of a store, and what is promised with them. Never creates a store."""
