"""Sizes: when a view is too large, and how much of it stays word for word.

They are given as in LangChain's SummarizationMiddleware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware.summarization import ContextSize, TriggerClause
from langchain_core.language_models import BaseChatModel

from optical_memory.errors import InputError, require_number

__all__ = [
    "NO_LIMIT",
    "UNKNOWN_WINDOW",
    "ContextSize",
    "Keep",
    "Trigger",
    "TriggerClause",
    "TriggerSpec",
    "max_input_tokens",
]

TriggerSpec = ContextSize | TriggerClause | list[ContextSize | TriggerClause]

UNKNOWN_WINDOW = 32_000
"""The window of a model that tells none, in tokens: hosted models have more."""

INPUT_SHARE = 0.95
"""Share of a model's window that a request may fill: our count and the provider's differ."""

NO_LIMIT = 10**9
"""More tokens than any request has."""

DEFAULT_FRACTION = 0.5
"""A model that tells its window is shown at most half of it by default."""


def max_input_tokens(model: BaseChatModel | None) -> int | None:
    """The tokens that a model takes, if its profile tells them."""
    profile = getattr(model, "profile", None)
    n_tokens = profile.get("max_input_tokens") if isinstance(profile, Mapping) else None
    return n_tokens if isinstance(n_tokens, int) and n_tokens > 0 else None


def _fraction_of(model: BaseChatModel | None, fraction: float) -> int:
    """So much of the model's window in tokens; of an ordinary window if it is unknown."""
    return int(fraction * (max_input_tokens(model) or UNKNOWN_WINDOW))


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of the newest messages stays: a kind and a number."""

    kind: str
    number: float

    @classmethod
    def of(cls, size: ContextSize) -> Keep:
        """Raises `InputError` for any other size than LangChain's."""
        return cls(*_checked("keep", size))

    def max_messages(self) -> int | None:
        """How many messages may stay; None if there is no such limit."""
        return int(self.number) if self.kind == "messages" else None

    def max_tokens(self, model: BaseChatModel | None) -> int | None:
        """How many tokens may stay; None if there is no such limit."""
        if self.kind == "tokens":
            return int(self.number)
        return _fraction_of(model, self.number) if self.kind == "fraction" else None


@dataclass(frozen=True, slots=True)
class Trigger:
    """Clauses of sizes: a view is too large if it reaches all sizes of any clause.

    Without `clauses`, half of the model's window is the size. `budget` is a limit besides.
    """

    clauses: tuple[tuple[tuple[str, float], ...], ...] | None
    budget: int | None = None

    @classmethod
    def of(cls, trigger: TriggerSpec | None, budget: int | None) -> Trigger:
        """Raises `InputError` for any other trigger than LangChain's."""
        if budget is not None:
            require_number("budget", budget, minimum=1)
        if trigger is None:
            return cls(() if budget is not None else None, budget)
        clauses = trigger if isinstance(trigger, list) else [trigger]
        return cls(tuple(_clause(clause) for clause in clauses), budget)

    def is_reached(self, model: BaseChatModel | None, n_tokens: int, n_messages: int) -> bool:
        """True if a view reaches all sizes of a clause that is no limit by itself."""
        sizes = {"messages": n_messages, "tokens": n_tokens, "fraction": n_tokens}
        return any(
            all(sizes[kind] >= _threshold(model, kind, number) for kind, number in clause)
            for clause in self.clauses or ()
            if not _is_limit(clause)
        )

    def limit(self, model: BaseChatModel | None) -> int:
        """The tokens that a view may have at most: 1 less than the least that always triggers."""
        limits = [_threshold(model, *c[0]) - 1 for c in self.clauses or () if _is_limit(c)]
        if self.clauses is None:
            limits.append(_fraction_of(model, DEFAULT_FRACTION) - 1)
        if self.budget is not None:
            limits.append(self.budget)
        if max_input_tokens(model) is not None:
            limits.append(_fraction_of(model, INPUT_SHARE))
        return min(limits, default=NO_LIMIT)

    def max_messages(self) -> int | None:
        """The fewest messages that trigger by themselves; None if no number does."""
        numbers = [
            int(clause[0][1])
            for clause in self.clauses or ()
            if len(clause) == 1 and clause[0][0] == "messages"
        ]
        return min(numbers, default=None)


def _is_limit(clause: tuple[tuple[str, float], ...]) -> bool:
    """True for a clause of a single number of tokens."""
    return len(clause) == 1 and clause[0][0] != "messages"


def _threshold(model: BaseChatModel | None, kind: str, number: float) -> int:
    return _fraction_of(model, number) if kind == "fraction" else int(number)


def _clause(clause: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(clause, Mapping):
        if not clause:
            raise InputError("a clause of trigger needs at least one size")
        return tuple(_checked("trigger", item) for item in clause.items())
    return (_checked("trigger", clause),)


def _checked(name: str, size: Any) -> tuple[str, float]:
    """The size as a kind and a number. Raises `InputError`, which is a ValueError."""
    if not isinstance(size, tuple) or len(size) != 2:
        raise InputError(f"{name} takes sizes like ('tokens', 4000), not {size!r}")
    kind, number = size
    if kind not in ("fraction", "tokens", "messages"):
        raise InputError(f"{name} takes 'fraction', 'tokens' or 'messages', not {kind!r}")
    if kind == "fraction":
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not 0 < number <= 1:
            raise InputError(f"a fraction of {name} is above 0 and at most 1, not {number!r}")
    else:
        require_number(f"{kind} of {name}", number, minimum=1)
    return kind, number
