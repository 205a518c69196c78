"""Random lives of turns beside a plain model: the current version is handed over, forgotten turns
never come back, and nothing else is lost.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory import ForgettingPolicy, OpticalMemory, Schedule, Turn
from optical_memory.stores import RedisStore, SQLiteStore, Store
from optical_memory.testing import SMALL_GRID, TemplateReader

IDS = ["a", "a~2", "b", "c", "d"]

ACTIONS = st.one_of(
    st.tuples(st.just("remember"), st.sampled_from(IDS)),
    st.tuples(st.just("revert"), st.sampled_from(IDS)),
    st.tuples(st.just("supersede"), st.sampled_from(IDS), st.sampled_from(IDS)),
    st.tuples(st.just("forget"), st.sampled_from(IDS)),
    st.tuples(st.just("fill")),
    st.tuples(st.just("seal")),
    st.tuples(st.just("fade")),
    st.tuples(st.just("send again")),
    st.tuples(st.just("open again")),
)


@dataclass
class Statement:
    """A turn as the model knows it: its versions, the current last."""

    versions: list[str] = field(default_factory=list)
    superseded_by: str | None = None
    forgotten: bool = False


class Life:
    """A memory and the model of it; each action is made on both."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.statements: dict[str, Statement] = {}
        self.n_words = 0
        self.memory = self.open()

    def open(self) -> OpticalMemory:
        return OpticalMemory(
            "life",
            store=self.store,
            reader=TemplateReader(grid=SMALL_GRID),
            policy=ForgettingPolicy(schedule=Schedule((1, 2), "pages")),
            keep_turns=1,
            background=False,
            semantic=None,
        )

    def text(self) -> str:
        self.n_words += 1
        return f"The word is nork{self.n_words}zap today."

    def act(self, action: tuple[str, ...]) -> None:
        name, *ids = action
        if name in ("supersede", "forget") and "a~2" in ids and "a~2" not in self.statements:
            return  # it may be the id of a version of "a"
        getattr(self, name.replace(" ", "_"))(*ids)

    def remember(self, id: str) -> None:
        text = self.text()
        assert self.memory.remember(Turn("user", text, id=id)) == [id]
        statement = self.statements.setdefault(id, Statement())
        if not statement.forgotten:
            statement.versions.append(text)

    def revert(self, id: str) -> None:
        statement = self.statements.get(id)
        if statement is None or not statement.versions:
            return
        text = statement.versions[0]
        self.memory.remember(Turn("user", text, id=id))
        if not statement.forgotten:
            statement.versions.append(statement.versions.pop(0))

    def supersede(self, old: str, new: str) -> None:
        known = [self.statements.get(id) for id in (old, new)]
        if old == new or any(s is None or s.forgotten for s in known):
            with pytest.raises((LookupError, ValueError)):
                self.memory.supersede(old, new)
            return
        self.memory.supersede(old, new)
        last = self.chain(old)[-1]
        if last == new:
            return
        if last in self.chain(new):
            self.statements[new].superseded_by = None
        self.statements[last].superseded_by = new

    def chain(self, id: str) -> list[str]:
        ids = [id]
        while True:
            following = self.statements[ids[-1]].superseded_by
            if following is None or self.statements[following].forgotten:
                return ids
            ids.append(following)

    def forget(self, id: str) -> None:
        statement = self.statements.get(id)
        if statement is None or statement.forgotten:
            with pytest.raises(LookupError):
                self.memory.forget(turn=id)
            return
        assert self.memory.forget(turn=id) == len(statement.versions)
        statement.forgotten = True

    def fill(self) -> None:
        self.memory.remember([Turn("user", f"Filler {i} lies beside pears.") for i in range(9)])

    def seal(self) -> None:
        self.memory.seal()

    def fade(self) -> None:
        self.memory.flush()

    def send_again(self) -> None:
        """The host sends the current version of each turn, also of those that are forgotten."""
        turns = [Turn("user", s.versions[-1], id=id) for id, s in self.statements.items()]
        assert self.memory.remember(turns) == list(self.statements)

    def open_again(self) -> None:
        self.memory.close()
        self.memory = self.open()

    def check(self) -> None:
        assert self.memory.check() == []
        for id, statement in self.statements.items():
            for version, text in enumerate(statement.versions):
                is_last = version == len(statement.versions) - 1
                self.check_text(id, text, is_last=is_last)

    def check_text(self, id: str, text: str, *, is_last: bool) -> None:
        word = text.split()[3]
        recalled = self.memory.recall(word, 1, superseded=True)
        everything = {found.text: found.parts[0] for found in recalled}
        current = {found.text for found in self.memory.recall(word, 3)}
        window = str(self.memory.context(word, 1_000, superseded=False).to_messages())
        statement = self.statements[id]
        if statement.forgotten:
            assert text not in everything
            assert word not in window
            return
        is_current = is_last and statement.superseded_by is None
        assert everything[text].id == id
        assert (everything[text].superseded_by is None) == is_current
        assert (text in current) == (word in window) == is_current
        head = self.chain(id)[-1]
        is_there = self.statements[head].superseded_by is None
        assert (self.statements[head].versions[-1] in current) == is_there


@settings(max_examples=40, deadline=None)
@given(actions=st.lists(ACTIONS, min_size=4, max_size=14))
def test_any_life_in_a_file_agrees_with_the_model(actions: list[Any]):
    folder = tempfile.mkdtemp()
    store = SQLiteStore(f"{folder}/memory.db")
    try:
        live(store, actions)
    finally:
        store.close()
        shutil.rmtree(folder)


@settings(max_examples=15, deadline=None)
@given(actions=st.lists(ACTIONS, min_size=4, max_size=14), n=st.uuids())
def test_any_life_on_a_server_agrees_with_the_model(redis_url: str, actions: list[Any], n: Any):
    store = RedisStore(redis_url, prefix=f"life-{n}", deadline=10.0)
    try:
        live(store, actions)
    finally:
        store.drop("life")
        store.close()


def live(store: Store, actions: list[Any]) -> None:
    life = Life(store)
    try:
        for action in actions:
            life.act(action)
        life.check()
    finally:
        life.memory._worker.stop()
