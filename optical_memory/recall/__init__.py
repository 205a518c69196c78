"""From a session to an answer: what may be found, read, and put into a window."""
