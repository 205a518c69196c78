"""A small export of each chat program, as these programs write them, with odd records in it."""
