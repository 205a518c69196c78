"""Random lives with a small capacity: whatever is handed over was said in that turn, and nothing
that was forgotten comes back.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.condensed_pages import exact_reader, sentences

from optical_memory import OpticalMemory, Turn

WORDS = ["heron", "locker", "parcel", "bridge", "gate", "plum", "radio", "violin"]

actions = st.one_of(
    st.tuples(st.just("remember"), st.integers(4, 14)),
    st.tuples(st.just("remember long"), st.integers(20, 60)),
    st.tuples(st.just("flush"), st.just(0)),
    st.tuples(st.just("fade"), st.sampled_from([26, 39, 65, 104, 150])),
    st.tuples(st.just("fade"), st.sampled_from([39, 65, 104])),
    st.tuples(st.just("forget"), st.integers(0, 10**6)),
    st.tuples(st.just("edit"), st.integers(0, 10**6)),
    st.tuples(st.just("open again"), st.just(0)),
)


class Life:
    """A memory beside all that was said, by the host's id: a text for each version."""

    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder}/m.db"
        self.said: dict[str, list[str]] = {}
        self.forgotten: list[str] = []
        self.n = 0
        self.memory = self._open()

    def _open(self) -> OpticalMemory:
        reader = exact_reader()
        settings = {"reader": reader, "keep_turns": 0, "background": False, "semantic": None}
        return OpticalMemory("alice", store=self._url, **settings)  # type: ignore[arg-type]

    def text(self, n_sentences: int) -> str:
        parts: list[str] = []
        for _ in range(n_sentences):
            self.n += 1
            word = WORDS[self.n * 5 % len(WORDS)]
            parts.append(f"The {word} nork{self.n}zap is here, as it was.")
        return " ".join(parts)

    def remember(self, n: int) -> None:
        turns = [Turn("user", self.text(1 + i % 4), id=f"m{self.n}") for i in range(n)]
        self.memory.remember(turns)
        self.said.update({str(turn.id): [turn.text] for turn in turns})

    def remember_long(self, n: int) -> None:
        turn = Turn("assistant", self.text(n), id=f"m{self.n}")
        self.memory.remember(turn)
        self.said[str(turn.id)] = [turn.text]

    def flush(self, _: int) -> None:
        self.memory.flush()

    def fade(self, capacity: int) -> None:
        self.memory.flush()
        self.memory.fade(capacity)
        assert self.memory.stats().visual_tokens <= capacity

    def _living(self, n: int) -> str | None:
        ids = sorted(set(self.said) - set(self.forgotten))
        return ids[n % len(ids)] if ids else None

    def forget(self, n: int) -> None:
        id = self._living(n)
        if id is not None:
            with suppress(LookupError):  # its page was forgotten, with nothing of it elsewhere
                self.memory.forget(turn=id)
            self.forgotten.append(id)

    def edit(self, n: int) -> None:
        id = self._living(n)
        if id is not None:
            self.said[id].append(self.text(2))
            self.memory.remember(Turn("user", self.said[id][-1], id=id))

    def open_again(self, _: int) -> None:
        self.memory.close()
        self.memory = self._open()

    def assert_true(self) -> None:
        assert self.memory.check() == []
        passages = [p for word in WORDS for p in self.memory.recall(word, 12, superseded=True)]
        for passage in passages:
            for part in passage.parts:
                if not part.id:
                    continue  # keywords of a page
                assert part.id not in self.forgotten
                text = passage.text[part.start : part.end]
                versions = self.said[part.id]
                assert any(self._is_of(text, version) for version in versions), (text, versions)
        for page in self.memory.pages():
            if page.form in ("forgotten", "condensed"):
                continue
            text = self.memory.read(page.id).text
            for id in self.forgotten:
                for version in self.said[id]:
                    assert not any(sentence in text for sentence in sentences(version))

    @staticmethod
    def _is_of(text: str, version: str) -> bool:
        """True if the text is cut out of the version: its sentences, in order, and parts at the
        ends.
        """
        offset = 0
        for sentence in text.replace("\n", " ").split(". "):
            offset = version.find(sentence.strip(), offset)
            if offset < 0:
                return False
        return True


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.lists(actions, min_size=6, max_size=14))
def test_what_is_handed_over_was_said_in_that_turn(life: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        living = Life(Path(folder))
        try:
            living.remember(14)
            for name, number in life:
                getattr(living, name.replace(" ", "_"))(number)
            living.assert_true()
        finally:
            living.memory.close()
