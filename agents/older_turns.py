"""Older turns of a chat, indexed in memory: passages of them about a question."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from optical_memory.counting import count_tokens
from optical_memory.recall.choose import Choice, choose_units, first_of, newest_units
from optical_memory.recall.find import rank_units
from optical_memory.recall.open_turns import open_turn_id
from optical_memory.recall.passages import stretches
from optical_memory.recall.recollection import OPEN, PassageTurn, Recollection
from optical_memory.recall.sources import Piece
from optical_memory.recall.window.frame import FRAME_TOKENS, frame
from optical_memory.search.build import IndexedTurn, KeyHash, index_turns
from optical_memory.search.index import Index
from optical_memory.search.index_part import IndexPart
from optical_memory.spans import Span
from optical_memory.turns import Turn, body

__all__ = [
    "OlderTurns",
]

SALT = "00" * 16
"""The index is never stored, so its keys need no secret."""


class OlderTurns:
    """Turns by their number, and an index of them for questions."""

    def __init__(self, turns: Mapping[int, Turn]) -> None:
        self._turns = turns
        self._bodies = {number: body(turn) for number, turn in turns.items()}
        self._hash_key = KeyHash(SALT)
        entries = [
            IndexedTurn(number, turn.role, turn.name, turn.when, self._bodies[number])
            for number, turn in turns.items()
        ]
        self._index = Index([IndexPart(index_turns(entries, self._hash_key))])

    def about(self, question: str, budget: int) -> list[Choice]:
        """The units that say most about a question, the best first; none if none says anything.

        With the frame around them they cost about `budget` tokens at most.
        """
        ranking = rank_units(self._index, question, self._hash_key)
        if not ranking.is_relevant.any():
            return []
        return choose_units(ranking, budget - FRAME_TOKENS)

    def newest(self, budget: int, without: Collection[int]) -> list[Choice]:
        """The newest units but for those of turns in `without`, the newest first."""
        return newest_units(self._index, budget - FRAME_TOKENS, dict.fromkeys(without, 0))

    def frame(self, choices: Sequence[Choice], budget: int, other_texts: Sequence[str]) -> str:
        """The text that carries these units in at most `budget` tokens; empty if none fits.

        The worst are left out if all are too many. Its tag is in none of the `other_texts`.
        """
        best = list(choices)
        while best:
            text = frame(self._passages(best), other_texts)
            n_tokens = count_tokens(text)
            if n_tokens <= budget:
                return text
            best = first_of(best, budget / n_tokens)
        return ""

    def _passages(self, choices: Sequence[Choice]) -> list[Recollection]:
        return [self._passage(pieces) for pieces in stretches(choices)]

    def _passage(self, pieces: Sequence[Piece]) -> Recollection:
        text = ""
        parts: list[PassageTurn] = []
        for piece in pieces:
            words = self._bodies[piece.ordinal][piece.start : piece.end].rstrip()
            start = len(text) + 1 if text else 0
            text = f"{text}\n{words}" if text else words
            parts.append(self._part(piece, start, len(text)))
        return Recollection(
            page=open_turn_id(parts[0].id),
            text=text,
            spans=(Span(0, len(text), "original", 1.0),),
            rung=OPEN,
            score=max(piece.score for piece in pieces),
            n_tokens=0,
            turns=tuple(dict.fromkeys(part.id for part in parts)),
            ordinal=pieces[0].ordinal,
            parts=tuple(parts),
        )

    def _part(self, piece: Piece, start: int, end: int) -> PassageTurn:
        turn = self._turns[piece.ordinal]
        return PassageTurn(
            id=f"t{piece.ordinal}",
            role=turn.role,
            start=start,
            end=end,
            name=turn.name,
            when=turn.when,
            begins=piece.start == 0,
            ends=piece.end == len(self._bodies[piece.ordinal]),
        )
