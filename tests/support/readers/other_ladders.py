"""Readers whose pages have other sizes than those of the usual template reader."""

from __future__ import annotations

from dataclasses import replace

from optical_memory.profiles import Rung
from optical_memory.testing import SMALL_LADDER, TemplateReader

OTHER_LADDERS = {
    "other names": (Rung("wide", 640), Rung("narrow", 384)),
    "a finer rung, and none of the small": (Rung("wide", 640), SMALL_LADDER[0]),
    "the same names, other sizes": tuple(
        Rung(rung.name, rung.side_px + 128) for rung in SMALL_LADDER
    ),
}


def other_reader(name: str) -> TemplateReader:
    """A reader of its own name, with the ladder of this name."""
    reader = TemplateReader(ladder=OTHER_LADDERS[name], revision="7")
    reader._profile = replace(reader.profile, id="other")
    return reader
