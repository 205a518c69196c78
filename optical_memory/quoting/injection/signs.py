"""Signs of injected instructions: ways of speaking, and forms that only programs write.

Each sign is a list of patterns that a person can read (`signs.json`), for a sentence in lower case
without accents. They were written by hand; what each sign is worth is fitted
(`training/fit_guard.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files

__all__ = [
    "FORMS",
    "PHRASES",
    "RAW_FORMS",
]

Patterns = Mapping[str, re.Pattern[str]]


def _patterns(sources: Mapping[str, list[str]]) -> Patterns:
    return {name: re.compile("|".join(parts), re.MULTILINE) for name, parts in sources.items()}


_SIGNS = json.loads((files(__package__) / "signs.json").read_text("utf-8"))

PHRASES = _patterns(_SIGNS["phrases"])
"""Ways of speaking to a model that reads, to its memory, or behind its user's back."""

FORMS = _patterns(_SIGNS["forms"])
"""Forms of machines: templates, frames, tool calls, addresses that carry data away."""

RAW_FORMS = _patterns(_SIGNS["raw_forms"])
"""Characters that nobody types, in the text as it stands."""
