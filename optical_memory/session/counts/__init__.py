"""Counts of what changes in a session, and when its turns came in."""
