"""The window of an agent: recent turns and passages, as parts, as messages, at an exact cost."""
