"""Pages of a session as they are opened to be read."""
