"""Condensing: the best sentences of neighbouring pages on one page, in place of pages lost."""
