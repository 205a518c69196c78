"""Search: terms of a text, units of turns, and how well each unit answers a question."""
