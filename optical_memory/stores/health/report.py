"""What an examination gives: findings, and promises that hold or do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "DEADLINE",
    "DURABLE",
    "ENCRYPTED",
    "EVICTION",
    "PRIVATE",
    "PROMISES",
    "RESTART",
    "SCRUBBED",
    "Answer",
    "Finding",
    "Promise",
    "Report",
]

Answer = Literal["yes", "within 1 s", "in part", "no", "unknown"]

DURABLE: Final = "durable before it returns"
RESTART: Final = "survives a restart"
EVICTION: Final = "survives eviction"
SCRUBBED: Final = "forget scrubs the files"
PRIVATE: Final = "private"
ENCRYPTED: Final = "encrypted at rest"
DEADLINE: Final = "a turn ends in 2 s"

PROMISES: Final = (DURABLE, RESTART, EVICTION, SCRUBBED, PRIVATE, ENCRYPTED, DEADLINE)
"""All promises, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A setting with its value. `problem` says what is to be mended, in a sentence."""

    name: str
    value: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise, whether it holds, why, and how to have it; `improve` is empty if it holds."""

    name: str
    answer: Answer
    reason: str
    improve: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The findings and promises of a store."""

    findings: Sequence[Finding] = field(default_factory=tuple)
    promises: Sequence[Promise] = field(default_factory=tuple)
