"""Encryption turned on, and keys exchanged, while other processes use the session."""
