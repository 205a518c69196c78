"""Characters that have no look, or turn the order of a line: shown, so that nothing hides in them.

Joiners, soft hyphens and a mark of direction by itself have their use in writing, and stay.
"""

from __future__ import annotations

import re

__all__ = [
    "for_terminal",
    "shown",
]

MANY = 4
"""Invisible characters in a row that no writing needs: emoji and Persian need one at a time."""

# Control characters have no look: they are shown by Unicode's pictures of them, and those without
# a picture by their code. Tabs and line ends stay.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"}
_CONTROLS = _PICTURES | {0x7F: "\u2421"} | {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}

_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"
"""The flag of a region: a black flag with its letters in tags."""

_HIDDEN = re.compile(
    rf"(?P<flag>{_FLAG})"
    r"|(?P<control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f])"
    r"|(?P<turn>[\u202a-\u202e\u2066-\u2069])"
    rf"|(?P<run>[\u200b-\u200f\u2060-\u2064\u180e\ufeff\u00ad\u115f\u1160\u3164\uffa0]{{{MANY},}}"
    r"|[\U000e0000-\U000e007f]+|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,})"
)

_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\ud800-\udfff]")


def shown(text: str) -> str:
    r"""The text with its control characters, turns of direction and hidden runs shown.

    >>> shown("a\x00b\u202ec")
    'a␀b\\u{202E}c'
    >>> shown("hi\U000e0041\U000e0042")
    'hi\\u{E0041}\\u{E0042}'
    """
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_look, text)


def _look(match: re.Match[str]) -> str:
    if match["flag"]:
        return match[0]
    if match["control"]:
        return match[0].translate(_CONTROLS)
    return "".join(f"\\u{{{ord(char):X}}}" for char in match[0])


def for_terminal(text: str) -> str:
    r"""The text as a terminal may print it: U+FFFD for what could move, colour or turn its lines.

    >>> for_terminal("\x1b[2J\u202eabc")
    '�[2J�abc'
    """
    if text.isascii() and text.isprintable():
        return text
    return _TERMINAL.sub("\ufffd", _HIDDEN.sub(_blank, text))


def _blank(match: re.Match[str]) -> str:
    return match[0] if match["flag"] else "\ufffd" * (1 if match["run"] else len(match[0]))
