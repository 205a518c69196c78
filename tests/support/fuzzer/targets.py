"""All targets of the fuzzer."""

from __future__ import annotations

from support.fuzzer.doors import DOORS
from support.fuzzer.stored_bytes import STORED_BYTES
from support.fuzzer.target import Target
from support.fuzzer.texts import TEXTS

__all__ = ["TARGETS"]

TARGETS: tuple[Target, ...] = (*STORED_BYTES, *TEXTS, *DOORS)
"""Weights are chosen so that a million cases take about an hour on two cores."""
