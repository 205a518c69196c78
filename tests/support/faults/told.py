"""What was told to a session, beside it: the truth that its records are compared with."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from optical_memory import Turn

__all__ = [
    "Told",
    "sentence",
    "traces_of",
    "turn",
]


def sentence(n: int, again: int = 0) -> str:
    """What turn `n` says, in version `again`: two words that no other text has."""
    return f"The heron nork{n}zap{again}x waits at QX-{1000 + n * 37}-{again}Z, beside the apples."


def turn(n: int, again: int = 0, *, n_sentences: int = 1, id: bool = True) -> Turn:
    """Turn `n`, whose every sentence has its words."""
    role = "user" if n % 2 else "assistant"
    text = " ".join([sentence(n, again)] * n_sentences)
    return Turn(role, text, id=f"m{n}" if id else None)


def traces_of(text: str) -> set[str]:
    """The words of a text that no other text has, as written and in small letters."""
    words = {word.strip(".,") for word in text.split()}
    own = {word for word in words if word.startswith(("nork", "QX-"))}
    return own | {word.lower() for word in own}


@dataclass
class Told:
    """The texts of a session by the host's id, the oldest version first, and what went since.

    `forgotten` are the ids that `forget` was told to remove. `fading` are ids that may have lost
    their text by plan. `is_dropped` is True for a session that was forgotten as a whole. Of a
    session that `is_damaged`, `check` has something to tell.
    """

    versions: dict[str, list[str]] = field(default_factory=dict)
    forgotten: dict[str, list[str]] = field(default_factory=dict)
    fading: set[str] = field(default_factory=set)
    is_damaged: bool = False
    is_dropped: bool = False

    def copy(self) -> Told:
        return deepcopy(self)

    def add(self, *turns: Turn) -> Told:
        """The truth after these turns were remembered, each with an id."""
        after = self.copy()
        for one_turn in turns:
            assert one_turn.id is not None
            texts = after.versions.setdefault(one_turn.id, [])
            if one_turn.text in texts:
                texts.remove(one_turn.text)
            texts.append(one_turn.text)
        return after

    def without(self, *ids: str) -> Told:
        """The truth after these turns were forgotten."""
        after = self.copy()
        for id in ids:
            after.forgotten[id] = after.versions.pop(id)
        return after

    def faded(self, *ids: str) -> Told:
        """The truth after these turns may have lost their text by plan; all turns if none given."""
        after = self.copy()
        after.fading |= set(ids or self.versions)
        return after

    def dropped(self) -> Told:
        """The truth after the session was forgotten as a whole."""
        texts = {**self.forgotten, **self.versions}
        return Told(forgotten=texts, is_dropped=True)

    @property
    def traces(self) -> set[str]:
        """The words that must be nowhere."""
        words: set[str] = set()
        for texts in self.forgotten.values():
            for text in texts:
                words |= traces_of(text)
        return words
