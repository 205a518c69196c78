"""The forms of messages, a module for each family: its parts by type, and its messages."""
