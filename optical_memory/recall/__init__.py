"""Recall: from a session to an answer; pages are found, read, and put into a window."""
