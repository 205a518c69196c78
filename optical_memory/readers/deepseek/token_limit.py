"""How many tokens the reading of a page may take. Imports no torch."""

from __future__ import annotations

from optical_memory.pages import Layout

__all__ = ["token_limit"]

CELLS_PER_TOKEN = 2.0
"""Half-em cells of text that a token has at least: prose has about 4, Chinese 2.6, random hex 2."""

SPARE_TOKENS = 64  # beyond those of the text, for a page of few words


def token_limit(layout: Layout) -> int:
    """Tokens that a page's text takes at most."""
    n_cells = sum(row.cells for row in layout.rows)
    return int(n_cells / CELLS_PER_TOKEN) + len(layout.rows) + SPARE_TOKENS
