"""How a session is read from its store: all at once, by its changes, and for the first time."""
