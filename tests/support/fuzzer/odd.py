"""Odd texts, odd bytes and odd JSON, from a seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from support.mutations import mutated

__all__ = [
    "dumped",
    "flipped",
    "odd_json",
    "odd_text",
]

PIECES = (
    *("word ", "gate ", "4417 ", " ", "  ", "\n", "\t", "\r\n", "\r", "\0", "\x1b[31m", "\x7f"),
    *("e\u0301", "\u0301" * 9, "\u202e", "\u2066", "\u2069", "\u200d", "\ufeff", "\u00ad"),
    *("\ud800", "\udc41", "\U0001f600", "\U0010ffff", "\ufffd", "\u2028", "\x85", "\u3000"),
    *("\u4e2d\u6587", "\u0e20\u0e32\u0e29\u0e32", "\u05e9\u05dc\u05d5\u05dd", "\u0643\u062a\u0627"),
    *("\u0939\u093f\u0928\u094d\u0926\u0940", "\uac00\u1112\u1161\u11ab", "\ufdfa", "\ufb01"),
    *("1> ", "2. ", "</recall>", "=> f({})", "[image: x <a.png>]", "{", "}", '"', "\\", "```\n"),
    *("2026-02-30 25:61", "next Friday", "10\u2076", "0x1F", "https://a.io/?q=1", "a" * 70),
    *("1" * 40, "-", "_", "/", "<", ">", "&", "user: ", "2026-03-03T10:00:00Z ", "%s", "$12.50 "),
)
"""Signs and words that have a meaning somewhere, and signs that few programs expect."""

MAX_PIECES = 60


def odd_text(rng: Random, max_pieces: int = MAX_PIECES) -> str:
    """A text of up to so many pieces; often short, sometimes of one piece alone."""
    n = rng.choice((0, 1, 2, 5, max_pieces // 4, max_pieces))
    pieces: Sequence[str] = PIECES if rng.random() < 0.7 else (rng.choice(PIECES),)
    return "".join(rng.choice(pieces) for _ in range(n))


def flipped(data: bytes, rng: Random) -> bytes:
    """The bytes with one to four changes: other bits, a cut, a hole, a copy, something put in."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1)
        length = rng.choice((1, 2, 4, 16, 300))
        kind = rng.randrange(7)
        if kind <= 1 and place < len(content):
            content[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            content[place : place + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        elif kind == 3:
            del content[place:]
        elif kind == 4:
            del content[place : place + length]
        elif kind == 5:
            content[place:place] = content[place : place + length]
        else:
            content[place:place] = rng.randbytes(length)
    return bytes(content)


def dumped(value: Any) -> bytes:
    """The value as JSON bytes; lone surrogates become escapes."""
    return json.dumps(value).encode()


def odd_json(data: bytes, rng: Random) -> bytes:
    """JSON with odd values, keys and items in it; sometimes with odd bytes too."""
    data = mutated(data, rng)
    return flipped(data, rng) if rng.random() < 0.2 else data
