"""What published profiles have in common."""

from __future__ import annotations

from optical_memory.hosts.profile import Density
from optical_memory.hosts.receipts import Face, Receipt

__all__ = [
    "MIB",
    "PXPIPE",
    "SAFE",
    "receipt",
]

MIB = 2**20

PXPIPE = "pxpipe's broad suite and hex battery"
SAFE = (Density(0, 50.0), Density(256, 45.0), Density(1024, 40.0))
"""For models whose receipts are of other type, and for those that nobody measured."""


def receipt(
    model: str,
    face: Face,
    px2: float,
    exact: int,
    n: int,
    source: str,
    date: str,
    silent: int | None = None,
) -> Receipt:
    """A published receipt in a line."""
    return Receipt(
        model=model,
        face=face,
        density_px2=px2,
        exact=exact,
        n=n,
        silent=silent,
        source=source,
        date=date,
    )
