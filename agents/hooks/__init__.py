"""Hooks of coding agents: an event in, an answer out, so that a session survives compaction."""
