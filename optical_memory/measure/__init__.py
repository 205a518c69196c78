"""Measurements: how well a reader reads, how fast each step is, and a demo of the whole.

A name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optical_memory.lazy import load_lazily

if TYPE_CHECKING:
    from optical_memory.measure.fidelity import FidelityRow, measure_fidelity
    from optical_memory.measure.identifiers import IdentifierRow, measure_identifiers
    from optical_memory.measure.page_pool import Source, from_texts, read_source

__all__ = [
    "FidelityRow",
    "IdentifierRow",
    "Source",
    "from_texts",
    "measure_fidelity",
    "measure_identifiers",
    "read_source",
]

_LAZY = {
    "FidelityRow": "optical_memory.measure.fidelity",
    "IdentifierRow": "optical_memory.measure.identifiers",
    "Source": "optical_memory.measure.page_pool",
    "from_texts": "optical_memory.measure.page_pool",
    "measure_fidelity": "optical_memory.measure.fidelity",
    "measure_identifiers": "optical_memory.measure.identifiers",
    "read_source": "optical_memory.measure.page_pool",
}

if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error
    __getattr__ = load_lazily(__name__, _LAZY)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
