"""Masks: what stands in a text in place of a secret.

The detector is loaded with the first text that is masked: its patterns take 30 ms to compile.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

__all__ = [
    "MaskOf",
    "count_masks",
    "mask_name",
    "mask_named",
    "masked_json",
    "masked_text",
]

MaskOf = Callable[[str], str]
"""Gives the mask of a secret, always the same for the same secret."""

_MASK = re.compile(r"\[secret(?: [a-z2-7]{4})?\]")

_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


NAME_CHARS = 64
"""How much before a JSON string may tell what it is: a name, a colon and blanks."""

_QUOTES = str.maketrans("\"'`<>\\", "qqqqqq")
"""Marks at which a value would end; in a JSON string that was decoded they are part of it."""


NAME_LETTERS = 4
"""Of a mask's name: a million names, so that a session rarely gives two secrets the same. It has
far fewer bits than a secret: even with the key, many guesses fit it.
"""


def mask_name(digest: bytes) -> str:
    """The name of a mask, from a keyed digest of the secret.

    >>> mask_name(bytes(32))
    'aaaa'
    """
    return base64.b32encode(digest).decode().lower()[:NAME_LETTERS]


def mask_named(name: str | None) -> str:
    """The mask with this name: words that a model understands, safe in JSON and in a picture.

    >>> mask_named("k7qa"), mask_named(None)
    ('[secret k7qa]', '[secret]')
    """
    return "[secret]" if name is None else f"[secret {name}]"


def count_masks(text: str) -> int:
    """How many masks stand in a text."""
    return len(_MASK.findall(text)) if "[secret" in text else 0


def _is_masked(value: str) -> bool:
    """True for masks and nothing beside them: a mask beside a secret does not hide the secret."""
    return not _MASK.sub("", value).strip()


def masked_text(text: str, mask_of: MaskOf, *, by_words: bool = True) -> str:
    """The text with a mask in place of each secret; the very same text without any."""
    from optical_memory.redaction.detect import secret_ranges

    parts: list[str] = []
    end = 0
    for start, stop in secret_ranges(text, by_words=by_words):
        if _is_masked(text[start:stop]):
            continue
        parts += [text[end:start], mask_of(text[start:stop])]
        end = stop
    return "".join([*parts, text[end:]]) if parts else text


def masked_json(text: str, mask_of: MaskOf) -> str:
    """A JSON text with a mask in place of each secret; all else stays as it is written.

    A string with escapes is looked at as it reads, behind the name that it stands at. The text need
    not be valid JSON: one that was cut off is masked too.
    """
    if "\\" in text:
        text = _JSON_TEXT.sub(lambda match: _masked_string(match, mask_of), text)
    return masked_text(text, mask_of)


def _masked_string(match: re.Match[str], mask_of: MaskOf) -> str:
    from optical_memory.redaction.detect import secret_ranges

    literal = match[0]
    if "\\" not in literal:
        return literal
    try:
        words = json.loads(literal, strict=False)
    except ValueError:
        return literal
    if not isinstance(words, str):
        return literal
    name = match.string[max(0, match.start() - NAME_CHARS) : match.start()]
    shown = f'{name}"{words.translate(_QUOTES)}"'
    first = len(name) + 1
    n_named = max((end - first for start, end in secret_ranges(shown) if start == first), default=0)
    masked = masked_json(words[n_named:], mask_of)  # JSON in JSON: each halves the backslashes
    if n_named and not _is_masked(words[:n_named]):
        masked = mask_of(words[:n_named]) + masked
    else:
        masked = words[:n_named] + masked
    return literal if masked == words else json.dumps(masked, ensure_ascii=False)
