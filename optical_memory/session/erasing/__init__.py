"""Erasing for good: a page or a turn, in its records and then in all that is cached."""
