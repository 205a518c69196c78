"""How a reader reads a page at each rung, measured while the page's text was in hand.

Agreement is the share of the page's inked characters that the reading has exactly, each at its own
place. Blanks and line joins are not counted in it: a layout knows them without looking. A blank
read as ink is a misreading all the same.

A certificate speaks of one reading. Other arithmetic (a GPU's, a server's, bfloat16) can make a
decoder go another way from some character on. So checksums of the certified reading are kept, and
a later reading that differs from it is not `verified`. They are checksums of the reading with the
ledger put over it, and without what is misread: these characters may be read in any way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from optical_memory.errors import NewerFormat, ReadingFailed
from optical_memory.readings import Reading, codepoints, is_inked, runs
from optical_memory.rung_certificate import CHUNK, RungCertificate, checksums, masked

__all__ = [
    "CHUNK",
    "WINDOW",
    "Certificate",
    "RungCertificate",
    "agreements_in",
    "certify_reading",
    "require_length",
]

WINDOW = 64
"""Inked characters in the window whose worst place a certificate names: about a line of text."""

CERTIFICATE_FORMAT = 3
"""Of the JSON that `Certificate.to_json` writes. Format 1 had no checksums, and those of format 2
are of the reading without the ledger.
"""

CHECKS_OF_READING = 2
"""The last format whose checksums are of the reading without the ledger."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """How `reader`@`revision` reads one page through `codec`, by rung.

    `partial` says that a turn of the page was forgotten after it was measured.
    """

    reader: str
    revision: str
    codec: str
    rungs: Mapping[str, RungCertificate] = field(default_factory=dict)
    partial: bool = False

    @property
    def maker(self) -> tuple[str, str, str]:
        """(reader, revision, codec). Only these read as it was certified."""
        return self.reader, self.revision, self.codec

    def agreement(self, rung: str) -> float:
        """Agreement at `rung`; 0 if it was never measured, so that no plan relies on it."""
        return self.rungs[rung].agreement if rung in self.rungs else 0.0

    def without(self, start: int, end: int) -> Certificate:
        """For a page whose characters `start:end` are forgotten; the rest is still checked."""
        rungs = {name: rung.without(start, end) for name, rung in self.rungs.items()}
        return replace(self, rungs=rungs, partial=True)

    @property
    def _format(self) -> int:
        """A certificate that an older version made keeps its format: so do its checksums."""
        is_old = any(rung.checks_bare for rung in self.rungs.values())
        return CHECKS_OF_READING if is_old else CERTIFICATE_FORMAT

    def to_json(self) -> dict[str, Any]:
        """Compact JSON; each rung as the list of its fields."""
        return {
            "v": self._format,
            "reader": self.reader,
            "revision": self.revision,
            "codec": self.codec,
            "partial": self.partial,
            "rungs": [rung.to_list() for rung in self.rungs.values()],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Certificate:
        """The certificate that `to_json` wrote. Raises `NewerFormat`.

        A certificate of format 1 has no checksums, so it verifies nothing.
        """
        _refuse_newer(data)
        is_bare = data["v"] <= CHECKS_OF_READING
        rungs = {
            fields[0]: replace(RungCertificate.from_list(*fields), checks_bare=is_bare)
            for fields in data["rungs"]
        }
        return cls(data["reader"], data["revision"], data["codec"], rungs, data["partial"])


def agreements_in(data: dict[str, Any]) -> dict[str, float]:
    """Agreement by rung in a certificate's JSON, without parsing the rest. Raises `NewerFormat`.

    A plan asks every page of a session for it.
    """
    _refuse_newer(data)
    return {fields[0]: fields[1] for fields in data["rungs"]}


def certify_reading(
    rung: str, truth: str, reading: Reading, *, text_with_ledger: str | None = None
) -> RungCertificate:
    """Compare a reading with the page's text.

    `text_with_ledger` is the text of the reading with the ledger over it; None: there is no ledger.

    Raises `ReadingFailed` if the reading has another number of characters.
    """
    require_length(rung, truth, reading)
    right = codepoints(truth) == codepoints(reading.text)
    ink = np.flatnonzero(is_inked(truth))
    misread = tuple((start, end) for start, end, is_wrong in runs(~right) if is_wrong)
    exact_text = reading.text if text_with_ledger is None else text_with_ledger
    return RungCertificate(
        rung,
        agreement=float(right[ink].mean()) if ink.size else 1.0,
        misread=misread,
        worst=_worst(right, ink),
        confidence=float(reading.confidence[ink].mean()) if ink.size else 1.0,
        checks=checksums(masked(exact_text, misread)),
        method=reading.method,
    )


def require_length(rung: str, truth: str, reading: Reading) -> None:
    """Raises `ReadingFailed` if the reading has another number of characters than the page."""
    if len(reading.text) != len(truth) or len(reading.confidence) != len(truth):
        raise ReadingFailed(
            f"at {rung!r} the reader gave {len(reading.text)} characters for a page of {len(truth)}"
        )


def _worst(right: npt.NDArray[np.bool_], ink: npt.NDArray[np.intp]) -> tuple[int, int, float]:
    """(start, end, agreement) of the worst `WINDOW` inked characters in a row; the first of equals.

    `right` is (n_chars,), `ink` the offsets of the inked characters.
    """
    if not ink.size:
        return 0, 0, 1.0
    width = min(WINDOW, ink.size)
    total = np.concatenate([[0], np.cumsum(right[ink])])  # right characters before each
    shares = (total[width:] - total[:-width]) / width
    first = int(shares.argmin())
    return int(ink[first]), int(ink[first + width - 1]) + 1, float(shares[first])


# ---- JSON ----------------------------------------------------------------------------------------


def _refuse_newer(data: dict[str, Any]) -> None:
    if data["v"] > CERTIFICATE_FORMAT:
        raise NewerFormat(f"a certificate of format {data['v']}: upgrade optical-memory to read it")
