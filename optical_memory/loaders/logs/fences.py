"""Fenced code in Markdown: lines in it name no speakers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["lines_outside_fences"]

_FENCE = re.compile(r"\s*(?P<signs>`{3,}|~{3,})(?P<info>[^`]*)$")

_MOST_FENCES = 50
"""Fences inside of a block; a bound, as a damaged text may have many that are never closed."""


class _Fence(NamedTuple):
    line: int
    signs: str
    info: str


def lines_outside_fences(lines: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Every line, and whether it is outside of fenced code.

    A block ends with a fence of the same sign that is as long or longer, and has no other words. A
    fence that is never closed is none; nor is a fence without words whose block would hold the
    beginning of another, such as "```py".
    """
    ends = _ends(list(_fences(lines)))
    end = -1
    for n, line in enumerate(lines):
        if n > end:
            end = ends.get(n, end)
        yield line, n > end


def _fences(lines: Sequence[str]) -> Iterator[_Fence]:
    for n, line in enumerate(lines):
        may_be_fence = "```" in line or "~~~" in line  # a quick look, before the pattern
        match = _FENCE.match(line) if may_be_fence else None
        if match is not None:
            yield _Fence(n, match["signs"], match["info"].strip())


def _ends(fences: Sequence[_Fence]) -> dict[int, int]:
    """The line that closes the block, for each line that may open a block."""
    ends: dict[int, int] = {}
    for i, fence in enumerate(fences):
        for later in fences[i + 1 : i + 1 + _MOST_FENCES]:
            if later.info and not fence.info and later.signs == fence.signs:
                break  # a stray fence: code begins at the later line
            if later.signs.startswith(fence.signs) and not later.info:
                ends[fence.line] = later.line
                break
    return ends
