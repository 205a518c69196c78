"""What is measured: the instruments, as data for OpenTelemetry and for Prometheus.

Every label has few values: no session, no id and no text is a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "BREAKERS_OPEN",
    "FAILURES",
    "FORGOTTEN_PAGES",
    "INSTRUMENTS",
    "LAG_SECONDS",
    "OPERATION_SECONDS",
    "PAGES",
    "PAGE_CHANGES",
    "PASSAGES",
    "RECALLS",
    "SECRETS_MASKED",
    "SPANS",
    "STORE_ERRORS",
    "STORE_SECONDS",
    "TURNS_REMEMBERED",
    "VISUAL_TOKENS",
    "WAITING_PAGES",
    "WINDOW_BUDGET",
    "WINDOW_TOKENS",
    "Instrument",
]

SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Limits of the buckets: a turn is remembered in 2 ms, a window filled in 15 ms, a page certified
in seconds; a store has 2 s.
"""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A number that is measured.

    `name` is OpenTelemetry's. For Prometheus its points become underscores, and a counter ends with
    `_total`. `unit` is in UCUM, as OpenTelemetry asks.
    """

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    description: str
    labels: tuple[str, ...] = ()


# ---- counters ------------------------------------------------------------------------------------

TURNS_REMEMBERED: Final = Instrument(
    "optical_memory.turns.remembered", "counter", "{turn}", "Turns that were added to a session."
)
RECALLS: Final = Instrument(
    "optical_memory.recalls",
    "counter",
    "{recall}",
    "Questions to `recall`, complete or cut short by a deadline.",
    ("complete",),
)
PASSAGES: Final = Instrument(
    "optical_memory.passages",
    "counter",
    "{passage}",
    "Passages that `recall` and `context` handed over.",
    ("operation",),
)
SPANS: Final = Instrument(
    "optical_memory.spans",
    "counter",
    "{span}",
    "Spans of the passages of `recall`, by how far they can be trusted.",
    ("status",),
)
WINDOW_TOKENS: Final = Instrument(
    "optical_memory.window.tokens", "counter", "{token}", "Tokens of the windows of `context`."
)
WINDOW_BUDGET: Final = Instrument(
    "optical_memory.window.budget", "counter", "{token}", "Budgets of these windows."
)
PAGE_CHANGES: Final = Instrument(
    "optical_memory.page.changes",
    "counter",
    "{page}",
    "Pages that were sealed, certified, faded to a rung, condensed, made a stub or forgotten.",
    ("change",),
)
SECRETS_MASKED: Final = Instrument(
    "optical_memory.secrets.masked",
    "counter",
    "{secret}",
    "Secrets that were masked in turns that were remembered.",
)
STORE_ERRORS: Final = Instrument(
    "optical_memory.store.errors",
    "counter",
    "{error}",
    "Calls of a store that raised.",
    ("db.system.name", "error.type"),
)
FAILURES: Final = Instrument(
    "optical_memory.failures",
    "counter",
    "{failure}",
    "Times that an agent went on without its memory.",
    ("error.type",),
)

# ---- histograms ----------------------------------------------------------------------------------

OPERATION_SECONDS: Final = Instrument(
    "optical_memory.operation.duration",
    "histogram",
    "s",
    "Seconds of an operation of the memory.",
    ("operation", "error.type"),
)
STORE_SECONDS: Final = Instrument(
    "db.client.operation.duration",
    "histogram",
    "s",
    "Seconds of a call of a store.",
    ("db.system.name", "db.operation.name", "error.type"),
)

# ---- gauges --------------------------------------------------------------------------------------

PAGES: Final = Instrument(
    "optical_memory.pages",
    "gauge",
    "{page}",
    "Pages of the open sessions, by form: a rung, text, stub, condensed or forgotten.",
    ("form",),
)
VISUAL_TOKENS: Final = Instrument(
    "optical_memory.visual_tokens", "gauge", "{token}", "Visual tokens kept by the open sessions."
)
FORGOTTEN_PAGES: Final = Instrument(
    "optical_memory.pages.forgotten", "gauge", "{page}", "Pages of which nothing is left."
)
WAITING_PAGES: Final = Instrument(
    "optical_memory.pages.waiting",
    "gauge",
    "{page}",
    "Pages of the open sessions that wait to be sealed, certified or faded.",
    ("work",),
)
LAG_SECONDS: Final = Instrument(
    "optical_memory.background.lag",
    "gauge",
    "s",
    "How long the oldest of these pages has waited, 0 if none waits.",
)
BREAKERS_OPEN: Final = Instrument(
    "optical_memory.store.breakers_open",
    "gauge",
    "{store}",
    "Stores that are left alone for a while because they did not answer.",
)

INSTRUMENTS: Final = tuple(v for v in list(globals().values()) if isinstance(v, Instrument))
"""All of them, in the order of this file."""
