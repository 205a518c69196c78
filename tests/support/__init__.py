"""Helpers of the tests: small checkpoints, sessions, servers."""
