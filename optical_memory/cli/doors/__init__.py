"""Commands that bring conversations into a store."""
