"""The units of a memory's turns, and the text that each reads as."""

from __future__ import annotations

from optical_memory import OpticalMemory, Turn
from optical_memory.recall.find import Finder
from optical_memory.recall.passages import read_passages
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.sources import Piece, Sources
from optical_memory.search.index import Index
from optical_memory.search.terms import key as key_of
from optical_memory.search.terms import terms
from optical_memory.session.index_records import key_hash
from optical_memory.turns import body

LONG = "".join(f"Sentence {i} says that the heron is at gate {i * 7}. " for i in range(60))


def index_of(memory: OpticalMemory) -> Index:
    return Finder().index(memory._archive.snapshot())


def pieces_of(memory: OpticalMemory) -> list[Piece]:
    """All units of the session's turns; stubs have none."""
    pieces: list[Piece] = []
    for part in index_of(memory).parts:
        segment = part.segment
        for turn, start, end in zip(segment.turns, segment.starts, segment.ends, strict=True):
            pieces.append(Piece(int(segment.ordinals[turn]), int(start), int(end), 1.0))
    return sorted(pieces, key=lambda piece: (piece.ordinal, piece.start))


def read(memory: OpticalMemory, groups: list[list[Piece]]) -> list[Recollection]:
    return read_passages(Sources(memory._archive.snapshot()), memory._page_reader, groups)


def unit_texts(memory: OpticalMemory) -> dict[Piece, str]:
    """The text of each unit, each read as a passage of its own."""
    texts: dict[Piece, str] = {}
    for piece in pieces_of(memory):
        passages = read(memory, [[piece]])
        texts[piece] = passages[0].text if passages else ""
    return texts


def assert_read_whole(memory: OpticalMemory, bodies: dict[int, str]) -> None:
    """Every unit reads as its range of its turn's body, and no word is in no unit."""
    texts = unit_texts(memory)
    for piece, text in texts.items():
        assert text == bodies[piece.ordinal][piece.start : piece.end].rstrip()
    words = {ordinal: text.split() for ordinal, text in bodies.items() if text.split()}
    unit_words: dict[int, list[str]] = {}
    for piece, text in texts.items():
        unit_words.setdefault(piece.ordinal, []).append(text)
    assert {n: "".join(parts).split() for n, parts in unit_words.items()}.keys() == words.keys()
    for ordinal, parts in unit_words.items():
        assert "".join("".join(parts).split()) == "".join(words[ordinal])


def assert_keys_are_in_the_text(memory: OpticalMemory) -> None:
    """Every key of a unit is that of a term in the text that the unit reads as."""
    hash_key = key_hash(memory._archive.snapshot().session.salt)
    texts = {(p.ordinal, p.start, p.end): text for p, text in unit_texts(memory).items()}
    for part in index_of(memory).parts:
        segment = part.segment
        for i, key in enumerate(segment.keys.tolist()):
            for unit in segment.units[segment.offsets[i] : segment.offsets[i + 1]]:
                ordinal = int(segment.ordinals[segment.turns[unit]])
                text = texts[ordinal, int(segment.starts[unit]), int(segment.ends[unit])]
                assert key in {hash_key(key_of(term)) for term in terms(text)}


def bodies_of(texts: list[str]) -> dict[int, str]:
    return {i: body(Turn("user", text)) for i, text in enumerate(texts)}
