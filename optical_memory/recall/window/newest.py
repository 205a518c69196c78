"""The share of a window that recent turns have."""

from __future__ import annotations

__all__ = [
    "RECENT_SHARE",
]

RECENT_SHARE = 0.05
"""Share of a budget that recent turns may take if there is something to recall.

It is a share of the budget that is left after the turns that must stay.
"""
