"""What may be wrong with a stored session: records, turns, pictures, and the search index."""
