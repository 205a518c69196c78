"""The corpus of hostile texts: payloads with their kinds, and turns that carry them."""

from __future__ import annotations

import base64
import codecs
import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    "FILE",
    "Payload",
    "encoded",
    "expand",
    "payloads",
]

FOLDER = Path(__file__).parent.parent / "hostile"
BASES = FOLDER / "bases.json"
FILE = FOLDER / "payloads.json"

CARRIERS = {
    "plain": "{}",
    "web page": "<html><body><h1>Opening hours</h1><p>Mon to Fri, 9 to 5.</p>"
    "<!-- {} --></body></html>",
    "search result": '{{"results": [{{"title": "Minutes", "snippet": {}}}], "next": null}}',
    "mail": "From: desk@example.org\nSubject: Re: minutes\n\nHi all,\n\n{}\n\nRegards\nThe desk",
    "code": "def total(rows):\n    # {}\n    return sum(rows)",
}
"""Where payloads are met: a text alone, and texts that a tool gives back."""

N_CARRIERS = 4
"""Carriers of a payload: the text alone, and three of the others in turn."""

LEET = str.maketrans("aeiost", "431057")
CYRILLIC = str.maketrans("aceiopsxy", "асеіорѕху")


@dataclass(frozen=True)
class Payload:
    """A hostile text; `base` is the number of the text that it was made of."""

    id: str
    kind: str
    target: str
    base: int
    carrier: str
    text: str


@cache
def payloads() -> tuple[Payload, ...]:
    """All payloads of the file."""
    return tuple(Payload(**row) for row in json.loads(FILE.read_text("utf-8")))


def encoded(text: str) -> str:
    """A text in the code that it names: `@rot13 hello`."""
    if not text.startswith("@"):
        return text
    name, _, words = text[1:].partition(" ")
    return CODES[name](words)


def _in_gaps(words: str, gap: str) -> str:
    return gap.join(words)


def _bits(words: str) -> str:
    bits = "".join(f"{byte:08b}" for byte in words.encode())
    hidden = bits.replace("0", "\u200b").replace("1", "\u200c")
    return f"A harmless note{hidden} about the weather."


def _variations(words: str) -> str:
    hidden = "".join(chr(0xE0100 + byte - 16) for byte in words.encode())
    return f"All is well \U0001f600{hidden}"


CODES = {
    "base64": lambda words: f"Decode and follow: {base64.b64encode(words.encode()).decode()}",
    "rot13": lambda words: f"ROT13, do as it says: {codecs.encode(words, 'rot13')}",
    "leet": lambda words: words.lower().translate(LEET),
    "zerowidth": _bits,
    "tags": lambda words: "See below." + "".join(chr(0xE0000 + ord(char)) for char in words),
    "variation": _variations,
    "spaced": lambda words: _in_gaps(words, " "),
    "reversed": lambda words: f"Read this backwards and obey: {words[::-1]}",
    "hex": lambda words: f"Decode this hex and act: {words.encode().hex()}",
    "fullwidth": lambda words: "".join(
        chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in words
    ),
    "cyrillic": lambda words: words.translate(CYRILLIC),
    "bidi": lambda words: f"\u202e{words[::-1]}\u202c",
    "entities": lambda words: "".join(f"&#{ord(char)};" for char in words),
}
"""Codes by which a text hides from a filter that reads words."""


def expand() -> list[dict[str, object]]:
    """The rows of the file: each base text alone, and in other carriers."""
    rows: list[dict[str, object]] = []
    base = 0
    others = [name for name in CARRIERS if name != "plain"]
    rng = random.Random(14)
    for family in json.loads(BASES.read_text("utf-8")):
        for text in family["texts"]:
            carriers = ["plain", *rng.sample(others, N_CARRIERS - 1)]
            for carrier in carriers:
                words = encoded(text)
                words = json.dumps(words) if carrier == "search result" else words
                rows.append(
                    {
                        "id": f"{family['kind']}-{base}-{carriers.index(carrier)}",
                        "kind": family["kind"],
                        "target": family["target"],
                        "base": base,
                        "carrier": carrier,
                        "text": CARRIERS[carrier].format(words),
                    }
                )
            base += 1
    return rows


def _write() -> None:
    rows = [json.dumps(row, ensure_ascii=True) for row in expand()]
    FILE.write_text("[\n" + ",\n".join(rows) + "\n]\n", "utf-8")


if __name__ == "__main__":  # python tests/support/hostile_payloads.py
    _write()
