"""Whether the reader opens and reads a page: a page is drawn, seen, packed and read back."""

from __future__ import annotations

import time
from typing import Final

from optical_memory.errors import OpticalMemoryError
from optical_memory.readers import open_reader
from optical_memory.readers.base import Reader
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.stores.health.report import Finding
from optical_memory.tokens import INT8, unpack
from optical_memory.turns import Turn

__all__ = ["reader_findings"]

LINE: Final = "The lamp stands by the green door, and its switch is on the left. "
N_LINES: Final = 12

ENOUGH: Final = 0.97
"""Share of characters that must be right at the finest rung, where readers hardly err."""


def reader_findings(name: str) -> list[Finding]:
    """The reader of this name, its revision, and how it reads a page.

    An error is a problem. A page takes about a second, and the weights load before it.
    """
    try:
        reader = open_reader(name)
        revision = f"{reader.profile.id}@{reader.profile.revision}"
    except (OpticalMemoryError, OSError) as error:
        return [Finding("reader", name, f"the reader does not open: {error}")]
    findings = [Finding("reader", revision)]
    try:
        begin = time.perf_counter()
        share = _share_right(reader)
    except (OpticalMemoryError, OSError, RuntimeError) as error:
        return [*findings, Finding("a page", "not read", f"the reader cannot read: {error}")]
    seconds = time.perf_counter() - begin
    value = f"{share:.1%} of its characters right, in {seconds:.1f} s with loading"
    problem = None
    if share < ENOUGH:
        problem = "the reader misreads a plain page: `optical-memory readers check` says more"
    return [*findings, Finding("a page", value, problem)]


def _share_right(reader: Reader) -> float:
    """The share of a page's characters that the reader gives at the finest rung."""
    renderer = PageRenderer(reader.profile.grid)
    turn = PlacedTurn(Turn("user", LINE * N_LINES), "t0", 0, 0)
    page = renderer.paginate([turn])[0]
    rung = reader.profile.ladder[0]
    image = renderer.draw(page, rung.side_px)
    tokens = [unpack(INT8.pack(value)) for value in reader.encode([image], rung)]
    (reading,) = reader.decode(tokens, [page.layout])
    pairs = zip(reading.text, page.text, strict=False)
    return sum(x == y for x, y in pairs) / max(1, len(page.text))
