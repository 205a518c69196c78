"""Damage to stored sessions, and a look at all that a memory then says."""
