"""What recalls and windows are counted by: passages, their spans, and tokens against the budget."""

from __future__ import annotations

from collections import Counter

from optical_memory.recall.recollection import Recollections
from optical_memory.recall.window.context import Context
from optical_memory.telemetry.instruments import (
    PASSAGES,
    RECALLS,
    SPANS,
    WINDOW_BUDGET,
    WINDOW_TOKENS,
)
from optical_memory.telemetry.measuring import Values, add

__all__ = [
    "count_context",
    "count_recall",
]

RETRIEVAL = {"gen_ai.operation.name": "retrieval", "gen_ai.provider.name": "optical_memory"}
"""What a recall is in the words of OpenTelemetry's conventions."""


def count_recall(answer: Recollections) -> Values:
    """Count an answer of `recall`; gives the attributes of its span."""
    add(RECALLS, complete=str(answer.is_complete).lower())
    add(PASSAGES, len(answer), operation="recall")
    statuses = Counter(span.status for passage in answer for span in passage.spans)
    for status, n_spans in statuses.items():
        add(SPANS, n_spans, status=status)
    n_spans_of = {f"optical_memory.spans.{status}": n for status, n in statuses.items()}
    return {
        **RETRIEVAL,
        "optical_memory.passages": len(answer),
        "optical_memory.complete": answer.is_complete,
        **n_spans_of,
    }


def count_context(window: Context) -> Values:
    """Count a window of `context`; gives the attributes of its span."""
    n_passages = len(window.passages)
    add(PASSAGES, n_passages, operation="context")
    add(WINDOW_TOKENS, window.n_tokens)
    add(WINDOW_BUDGET, window.budget)
    return {
        **RETRIEVAL,
        "optical_memory.passages": n_passages,
        "optical_memory.window.tokens": window.n_tokens,
        "optical_memory.window.budget": window.budget,
        "optical_memory.window.mode": window.mode,
    }
