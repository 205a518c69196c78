"""The styles of a page as values: how a grid's style splits lines, stands its rows on a picture and
draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from optical_memory.pages import Cluster, Grid, Page, StyleName
from optical_memory.renderers import cells, drawing, sans, wrapping
from optical_memory.renderers.cells import Line

__all__ = ["STYLES", "Style"]


class SplitLine(Protocol):
    """Cuts one line into atoms, none wider than `widest` cells where it can be helped."""

    def __call__(self, text: str, widest: int = ...) -> Line: ...


@dataclass(frozen=True, slots=True)
class Style:
    """What laying out and drawing need to know of a style.

    `unit` is a cell in the units of `Line.at`, `longest` the cells of the widest escape. `clusters`
    gives those of a row, `edges` where rows and cells start (px) on a picture, `draw` the picture.
    """

    unit: int
    longest: int
    split_line: SplitLine
    clusters: Callable[[Line, int, int, int, int], tuple[Cluster, ...]]
    edges: Callable[[Grid, int], tuple[list[int], list[int]]]
    draw: Callable[[Page, int], drawing.Image]


def _no_clusters(line: Line, first: int, stop: int, chars: int, cells: int) -> tuple[Cluster, ...]:
    return ()


STYLES: Mapping[StyleName, Style] = MappingProxyType(
    {
        "cells": Style(
            1, 10, cells.split_line, wrapping.clusters, drawing.edges, drawing.draw_page
        ),
        "sans": Style(sans.UNIT, 13, sans.split_line, _no_clusters, sans.edges, sans.draw_page),
    }
)
"""By `Grid.style`. The longest escape is \\u{10FFFF}, or one of that length."""
