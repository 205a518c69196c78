"""Keeping a session in step with the message list of a host, which gives all of it every turn."""
