"""The styles of a page as values: how a style splits lines, places rows and draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from optical_memory.pages import Cluster, Grid, Page, StyleName
from optical_memory.renderers import cells, drawing, geometry, sans, wrapping
from optical_memory.renderers.cells import Line

__all__ = [
    "STYLES",
    "Style",
]


class SplitLine(Protocol):
    """Cuts a line into atoms, none wider than `widest` cells if that can be helped."""

    def __call__(self, text: str, widest: int = ...) -> Line: ...


@dataclass(frozen=True, slots=True)
class Style:
    """All that laying out and drawing need to know of a style.

    `unit` is a cell in the units of `Line.positions`, `escape_cells` the cells of the widest
    escape. `clusters` gives the clusters of a row, `edges` the px at which rows and cells start on
    a picture, `draw` the picture.
    """

    unit: int
    escape_cells: int
    split_line: SplitLine
    clusters: Callable[[Line, int, int, int, int], tuple[Cluster, ...]]
    edges: Callable[[Grid, int], tuple[list[int], list[int]]]
    draw: Callable[[Page, int], drawing.Image]


def _no_clusters(line: Line, first: int, stop: int, chars: int, cells: int) -> tuple[Cluster, ...]:
    return ()


STYLES: Mapping[StyleName, Style] = MappingProxyType(
    {
        "cells": Style(
            unit=1,
            escape_cells=10,  # of "\u{10FFFF}"
            split_line=cells.split_line,
            clusters=wrapping.clusters,
            edges=geometry.edges,
            draw=drawing.draw_page,
        ),
        "sans": Style(
            unit=sans.UNIT,
            escape_cells=13,  # of the widest escape of that length
            split_line=sans.split_line,
            clusters=_no_clusters,
            edges=sans.edges,
            draw=sans.draw_page,
        ),
    }
)
"""By `Grid.style`."""
