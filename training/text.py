"""Training pages: real text and random strings poured into a grid of cells, as code points.

Reads the `*.txt.xz` files of a text folder once into memory. The last 2 % of every file are held
out. At least a quarter of the lines have no language prior (random strings, identifiers, numbers),
so that only looking helps.
"""

from __future__ import annotations

import lzma
import random
import string
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from optical_memory.pages import Grid
from optical_memory.readers.pocket.charset import CHARSET, CYRILLIC, GREEK, LATIN

MIX = {"en_": 0.52, "code_": 0.14, "random": 0.28, "letters": 0.06}
KINDS = tuple(MIX)
HELD_OUT = 0.02
_CLEAN = str.maketrans({"\r": "", "\xa0": " ", "\ufeff": ""})


class Texts:
    """Snippets of every kind, drawn with their probabilities; `held_out` draws from the last 2 % of
    each file.
    """

    def __init__(self, folder: Path, *, held_out: bool = False) -> None:
        self.groups: dict[str, list[str]] = {"en_": [], "code_": []}
        for path in sorted(folder.glob("*.txt.xz")):
            for prefix, group in self.groups.items():
                if path.name.startswith(prefix):
                    with lzma.open(path) as file:
                        text = file.read().decode("utf-8", "replace").translate(_CLEAN)
                    cut = int(len(text) * (1 - HELD_OUT))
                    group.append(text[cut:] if held_out else text[:cut])
        if not all(self.groups.values()):
            raise SystemExit(f"{folder} has no en_*.txt.xz and code_*.txt.xz files")

    def snippet(self, rng: random.Random, kind: str | None = None) -> str:
        """Some text of one kind (any of them, if not said)."""
        kind = kind or rng.choices(list(MIX), list(MIX.values()))[0]
        if kind == "random":
            return random_lines(rng)
        if kind == "letters":
            return foreign_lines(rng)
        text = rng.choice(self.groups[kind])
        start = rng.randrange(max(1, len(text) - 3000))
        snippet = text[start : start + rng.randint(300, 3000)]
        return sprinkle(snippet, rng) if rng.random() < 0.25 else snippet


def random_lines(rng: random.Random) -> str:
    """Lines that no language model can guess: random strings, ids, numbers, dates, URLs, tables."""
    return "\n".join(
        " ".join(_random_word(rng) for _ in range(rng.randint(3, 14)))
        for _ in range(rng.randint(3, 12))
    )


def _random_word(rng: random.Random) -> str:
    pick = rng.randrange(12)
    if pick == 0:
        return str(uuid.UUID(int=rng.getrandbits(128)))
    if pick == 1:
        return f"{rng.getrandbits(32 * rng.randint(1, 5)):x}"
    if pick == 2:
        return str(rng.randrange(10 ** rng.randint(1, 10)))
    if pick == 3:
        return f"{rng.uniform(0, 10 ** rng.randint(0, 6)):,.{rng.randint(0, 3)}f}"
    if pick == 4:
        year, month, day = rng.randint(2000, 2039), rng.randint(1, 12), rng.randint(1, 28)
        return f"{year}-{month:02}-{day:02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    if pick == 5:
        host, key = _letters(rng, string.ascii_lowercase), _letters(rng, string.ascii_lowercase)
        return f"https://{host}.{rng.choice(['com', 'org', 'io'])}/{_letters(rng, BASE62)}?{key}={rng.randrange(10**6)}"
    if pick == 6:
        return _letters(rng, CHARSET.replace("\t", "").replace(" ", ""))
    if pick == 7:
        return _letters(rng, string.ascii_uppercase + string.digits)
    if pick == 8:
        return _letters(rng, string.punctuation)
    return _letters(rng, BASE62 if pick < 10 else string.ascii_lowercase)


RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"  # the commonest letters first
MODERN_GREEK = "αοιετσνηυρπκμλςόάίήέγδωθχφύβώξζψϊ"
LATIN_1 = "éèáàíóúñçäöüßåøæâêîôûãõëïìòùÿýðþ"


def foreign_lines(rng: random.Random) -> str:
    """Made-up words in Cyrillic, Greek or accented Latin letters, so that none is guessed."""
    common, every = rng.choice(
        ((RUSSIAN, CYRILLIC), (MODERN_GREEK, GREEK), (string.ascii_lowercase + LATIN_1, LATIN))
    )
    weights = [1 / (4 + i) for i in range(len(common))]

    def word() -> str:
        if rng.random() < 0.1:
            return _letters(rng, every.replace("\t", ""))
        letters = "".join(rng.choices(common, weights, k=rng.randint(1, 11)))
        return (
            letters.title()
            if rng.random() < 0.2
            else letters.upper()
            if rng.random() < 0.05
            else letters
        )

    return "\n".join(
        " ".join(word() for _ in range(rng.randint(3, 40))) for _ in range(rng.randint(2, 8))
    )


BASE62 = string.ascii_letters + string.digits


def _letters(rng: random.Random, alphabet: str) -> str:
    return "".join(rng.choices(alphabet, k=rng.randint(2, 12)))


def sprinkle(text: str, rng: random.Random) -> str:
    """Replace 1 to 10 % of the characters by any that pocket can read, so that rare signs are seen
    in context.
    """
    share = rng.uniform(0.01, 0.1)
    return "".join(rng.choice(CHARSET) if c != "\n" and rng.random() < share else c for c in text)


def wrap(text: str, measure: int) -> Iterator[str]:
    """Lines of at most `measure` cells, broken at spaces where there are any."""
    for line in text.split("\n"):
        while len(line) > measure:
            cut = line.rfind(" ", 0, measure + 1)
            yield line[: cut if cut > 0 else measure]
            line = line[cut + 1 :] if cut > 0 else line[measure:]
        yield line


def page_codes(
    texts: Texts, grid: Grid, rng: random.Random, kind: str | None = None
) -> npt.NDArray[np.int32]:
    """One page as code points (rows, columns); blank cells are spaces."""
    codes = np.full((grid.rows, grid.columns), ord(" "), np.int32)
    lines: Iterator[str] = iter(())
    for column in range(grid.text_columns):
        x = column * (grid.measure + grid.gutter)
        for y in range(grid.rows):
            line = next(lines, None)
            while line is None:
                lines = wrap(texts.snippet(rng, kind), grid.measure)
                line = next(lines, None)
            codes[y, x : x + len(line)] = [_drawable(c, rng) for c in line]
    return codes


def _drawable(char: str, rng: random.Random) -> int:
    """Other narrow letters stay (pocket learns to say that it cannot read them); wide ones become
    any that it reads.
    """
    return ord(char) if char in _KNOWN or 0x100 <= ord(char) < 0x500 else ord(rng.choice(CHARSET))


_KNOWN = frozenset(CHARSET)
