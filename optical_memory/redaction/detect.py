"""Where secrets stand in a text: by the forms of detect-secrets, by forms of ours, by the words
around them.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from optical_memory.errors import MissingExtra
from optical_memory.redaction.assignments import assigned_values, credentials, private_keys
from optical_memory.redaction.token_forms import OWN_FORMS, PACKAGED_FORMS, WORD, TokenForm

__all__ = [
    "require_detector",
    "secret_ranges",
]

Range = tuple[int, int]

_TELLING = (
    *(
        "pass",
        "pw",
        "_auth",
        "secret",
        "token",
        "key",
        "credential",
        "-u",
        "kennwort",
        "contrase",
        "senha",
    ),
    *("пароль", "密码", "密碼", "口令", "パスワード"),
)
"""Words of which a text has at least one if it assigns a secret, in lower case."""

_INSIDE_WORD = re.compile(f"[{WORD}]")


def require_detector() -> None:
    """Raises `MissingExtra` if detect-secrets is not installed."""
    _forms()


def secret_ranges(text: str, *, by_words: bool = True) -> list[Range]:
    """The ranges of all secrets in a text, in order; they do not overlap.

    Without `by_words` only secrets that have a form of their own count: in an id or a name there
    are no words around them. It takes time in proportion to the text.
    """
    ranges = list(_by_form(text))
    if by_words:
        ranges += private_keys(text)
        ranges += credentials(text)
        lower_text = text.lower()
        if any(word in lower_text for word in _TELLING):
            ranges += assigned_values(text)
    return _merged(ranges)


def _by_form(text: str) -> Iterator[Range]:
    for form in _forms():
        if any(hint in text for hint in form.hints):
            for match in form.pattern.finditer(text):
                span = match.span(match.lastindex or 0)
                if _is_whole(text, span):
                    yield span


def _is_whole(text: str, span: Range) -> bool:
    """True unless the range is a part of a longer word, as in a picture in base64."""
    start, end = span
    return not (
        _INSIDE_WORD.match(text[start - 1 : start]) or _INSIDE_WORD.match(text[end : end + 1])
    )


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@cache
def _forms() -> tuple[TokenForm, ...]:
    """The forms of ours and those of detect-secrets, which loads in some 0.1 s."""
    try:
        module = importlib.import_module("detect_secrets.core.plugins.util")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "detect_secrets":
            raise
        raise MissingExtra(
            "masking secrets needs detect-secrets: pip install 'optical-memory[secrets]'"
        ) from error
    plugins: dict[str, Any] = module.get_mapping_from_secret_type_to_class()
    by_name = {plugin.__name__: plugin for plugin in plugins.values()}
    forms = list(OWN_FORMS)
    for name, hints in PACKAGED_FORMS:
        forms += [TokenForm(name, hints, pattern) for pattern in by_name[name].denylist]
    return tuple(forms)
