"""The thread that does the background work of a session."""
