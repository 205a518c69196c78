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
"""The share of each kind of text."""

KINDS = tuple(MIX)
HELD_OUT = 0.02
MIN_CHARS = 300  # of a snippet
MAX_CHARS = 3000
_CLEAN = str.maketrans({"\r": "", "\xa0": " ", "\ufeff": ""})


class Texts:
    """Snippets of every kind, drawn with their shares; `held_out` draws from the last 2 % of each
    file.
    """

    def __init__(self, folder: Path, *, held_out: bool = False) -> None:
        self.groups: dict[str, list[str]] = {"en_": [], "code_": []}
        for path in sorted(folder.glob("*.txt.xz")):
            for prefix, group in self.groups.items():
                if path.name.startswith(prefix):
                    group.append(_part_of_file(path, held_out))
        if not all(self.groups.values()):
            raise SystemExit(f"{folder} has no en_*.txt.xz and code_*.txt.xz files")

    def snippet(self, rng: random.Random, kind: str | None = None) -> str:
        """Some text of one kind; of any kind if `kind` is None."""
        kind = kind or rng.choices(list(MIX), list(MIX.values()))[0]
        if kind == "random":
            return random_lines(rng)
        if kind == "letters":
            return foreign_lines(rng)
        text = rng.choice(self.groups[kind])
        start = rng.randrange(max(1, len(text) - MAX_CHARS))
        snippet = text[start : start + rng.randint(MIN_CHARS, MAX_CHARS)]
        return sprinkle(snippet, rng) if rng.random() < 0.25 else snippet


def _part_of_file(path: Path, held_out: bool) -> str:
    """The part of a file that is held out, or the rest."""
    with lzma.open(path) as file:
        text = file.read().decode("utf-8", "replace").translate(_CLEAN)
    n_training = int(len(text) * (1 - HELD_OUT))
    return text[n_training:] if held_out else text[:n_training]


# ---- random words --------------------------------------------------------------------------------

BASE62 = string.ascii_letters + string.digits
SIGNS = CHARSET.replace("\t", "").replace(" ", "")


def random_lines(rng: random.Random) -> str:
    """Lines that no language model can guess: random strings, ids, numbers, dates, URLs."""
    lines = []
    for _ in range(rng.randint(3, 12)):
        words = [_random_word(rng) for _ in range(rng.randint(3, 14))]
        lines.append(" ".join(words))
    return "\n".join(lines)


def _random_word(rng: random.Random) -> str:
    return rng.choice(WORD_MAKERS)(rng)


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128)))


def _hexadecimal(rng: random.Random) -> str:
    return f"{rng.getrandbits(32 * rng.randint(1, 5)):x}"


def _whole_number(rng: random.Random) -> str:
    return str(rng.randrange(10 ** rng.randint(1, 10)))


def _decimal_number(rng: random.Random) -> str:
    return f"{rng.uniform(0, 10 ** rng.randint(0, 6)):,.{rng.randint(0, 3)}f}"


def _date_and_time(rng: random.Random) -> str:
    date = f"{rng.randint(2000, 2039)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    return f"{date}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"


def _url(rng: random.Random) -> str:
    host = _letters(rng, string.ascii_lowercase)
    key = _letters(rng, string.ascii_lowercase)
    address = f"https://{host}.{rng.choice(['com', 'org', 'io'])}"
    return f"{address}/{_letters(rng, BASE62)}?{key}={rng.randrange(10**6)}"


def _any_signs(rng: random.Random) -> str:
    return _letters(rng, SIGNS)


def _capitals(rng: random.Random) -> str:
    return _letters(rng, string.ascii_uppercase + string.digits)


def _punctuation(rng: random.Random) -> str:
    return _letters(rng, string.punctuation)


def _base62(rng: random.Random) -> str:
    return _letters(rng, BASE62)


def _lowercase(rng: random.Random) -> str:
    return _letters(rng, string.ascii_lowercase)


WORD_MAKERS = (
    _uuid,
    _hexadecimal,
    _whole_number,
    _decimal_number,
    _date_and_time,
    _url,
    _any_signs,
    _capitals,
    _punctuation,
    _base62,
    _lowercase,
    _lowercase,
)
"""All alike common, but for lower-case letters, which are twice as common."""


def _letters(rng: random.Random, alphabet: str) -> str:
    return "".join(rng.choices(alphabet, k=rng.randint(2, 12)))


# ---- words in other letters ----------------------------------------------------------------------

RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"  # the commonest letters first
MODERN_GREEK = "αοιετσνηυρπκμλςόάίήέγδωθχφύβώξζψϊ"
LATIN_1 = "éèáàíóúñçäöüßåøæâêîôûãõëïìòùÿýðþ"

SCRIPTS = (
    (RUSSIAN, CYRILLIC),
    (MODERN_GREEK, GREEK),
    (string.ascii_lowercase + LATIN_1, LATIN),
)
"""The common letters of each script, and all its characters."""


def foreign_lines(rng: random.Random) -> str:
    """Made-up words in Cyrillic, Greek or accented Latin letters, so that none is guessed."""
    common, alphabet = rng.choice(SCRIPTS)
    lines = []
    for _ in range(rng.randint(2, 8)):
        words = [_foreign_word(rng, common, alphabet) for _ in range(rng.randint(3, 40))]
        lines.append(" ".join(words))
    return "\n".join(lines)


def _foreign_word(rng: random.Random, common: str, alphabet: str) -> str:
    """Mostly of common letters; one in ten of any characters of the script."""
    if rng.random() < 0.1:
        return _letters(rng, alphabet.replace("\t", ""))
    weights = [1 / (4 + i) for i in range(len(common))]
    letters = "".join(rng.choices(common, weights, k=rng.randint(1, 11)))
    if rng.random() < 0.2:
        return letters.title()
    return letters.upper() if rng.random() < 0.05 else letters


def sprinkle(text: str, rng: random.Random) -> str:
    """Replace 1 to 10 % of the characters by any that pocket can read, so that rare signs are met
    in context.
    """
    share = rng.uniform(0.01, 0.1)
    chars = []
    for char in text:
        is_replaced = char != "\n" and rng.random() < share
        chars.append(rng.choice(CHARSET) if is_replaced else char)
    return "".join(chars)


# ---- pages ---------------------------------------------------------------------------------------

_READABLE = frozenset(CHARSET)


def wrap(text: str, measure: int) -> Iterator[str]:
    """Lines of at most `measure` cells, broken at spaces if there are any."""
    for paragraph in text.split("\n"):
        line = paragraph
        while len(line) > measure:
            space = line.rfind(" ", 0, measure + 1)
            if space > 0:
                yield line[:space]
                line = line[space + 1 :]
            else:
                yield line[:measure]
                line = line[measure:]
        yield line


def page_codes(
    texts: Texts, grid: Grid, rng: random.Random, kind: str | None = None
) -> npt.NDArray[np.int32]:
    """One page as code points (rows, columns); blank cells are spaces."""
    codes = np.full((grid.rows, grid.columns), ord(" "), np.int32)
    lines = _lines_of_snippets(texts, grid.measure, rng, kind)
    for column in range(grid.text_columns):
        x = column * (grid.measure + grid.gutter)
        for y in range(grid.rows):
            line = next(lines)
            codes[y, x : x + len(line)] = [_drawable(char, rng) for char in line]
    return codes


def _lines_of_snippets(
    texts: Texts, measure: int, rng: random.Random, kind: str | None
) -> Iterator[str]:
    """Lines of one snippet after the other, without end."""
    while True:
        yield from wrap(texts.snippet(rng, kind), measure)


def _drawable(char: str, rng: random.Random) -> int:
    """Other narrow letters stay, so that pocket learns to say that it cannot read them. Wide
    letters become any character that it reads.
    """
    if char in _READABLE or 0x100 <= ord(char) < 0x500:
        return ord(char)
    return ord(rng.choice(CHARSET))
