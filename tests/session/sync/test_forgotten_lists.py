"""`sync` of any lists after messages were forgotten: these stay away, and all others are there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memories import Open

from optical_memory import OpticalMemory
from optical_memory.testing import TemplateReader

Message = dict[str, str]

CHANGES = st.lists(
    st.tuples(st.sampled_from(["insert", "edit", "cut", "add", "forget"]), st.integers(0, 9)),
    min_size=1,
    max_size=8,
)


class Host:
    """A host with a list of messages that it changes; each text has a word of its own."""

    def __init__(self, path: str, *, sealed: bool, restarts: bool) -> None:
        self._path = path
        self._sealed = sealed
        self._restarts = restarts
        self._n_words = 0
        self.messages = [self.message() for _ in range(6)]
        self.forgotten: set[str] = set()
        self.memory = self.open()
        self.ids = self.memory.sync(self.messages)

    def open(self) -> OpticalMemory:
        options: Any = {"reader": TemplateReader(), "background": False, "keep_turns": 0}
        return OpticalMemory("s", store=f"sqlite:///{self._path}", semantic=None, **options)

    def message(self) -> Message:
        self._n_words += 1
        role = "user" if self._n_words % 2 else "assistant"
        return {"role": role, "content": f"The word is nork{self._n_words}zap today. " * 6}

    def change(self, name: str, place: int) -> None:
        place %= len(self.messages)
        if name == "insert":
            self.messages.insert(place, self.message())
        elif name == "add":
            self.messages += [self.message(), self.message()]
        elif name == "cut" and len(self.messages) > 4:
            del self.messages[:1]
        elif name == "edit":
            self.edit(place)
        elif name == "forget" and self.messages[place]["content"] not in self.forgotten:
            self.memory.forget(turn=self.ids[place])
            self.forgotten.add(self.messages[place]["content"])

    def edit(self, place: int) -> None:
        """Another text for a message that is not forgotten: nobody can tell that from new words."""
        if self.messages[place]["content"] not in self.forgotten:
            role = self.messages[place]["role"]
            self.messages[place] = self.message() | {"role": role}

    def sync(self) -> None:
        if self._sealed:
            self.memory.seal()
        if self._restarts:
            self.memory = self.open()
        self.ids = self.memory.sync(self.messages)
        assert len(self.ids) == len(set(self.ids)) == len(self.messages)

    def check(self) -> None:
        for message in self.messages:
            word = message["content"].split()[3]
            recalled = [found.text for found in self.memory.recall(word, 1, superseded=True)]
            is_there = any(word in text for text in recalled)
            assert is_there == (message["content"] not in self.forgotten)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("sealed", [False, True])
@settings(max_examples=20, deadline=None)
@given(changes=CHANGES)
def test_forgotten_messages_stay_away_and_all_others_are_there(
    tmp_path_factory: pytest.TempPathFactory,
    sealed: bool,
    restarts: bool,
    changes: list[tuple[str, int]],
):
    path = tmp_path_factory.mktemp("host") / "m.db"
    host = Host(str(path), sealed=sealed, restarts=restarts)
    for name, place in changes:
        host.change(name, place)
        host.sync()
        host.check()


SECRET = "The gate code is zorblax indeed."


def talk(**fields: str) -> list[Message]:
    """Messages of which two say the same; `fields` are of all, and `{}` is a message's number."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": f"Topic {i} is on shelf {i}."} for i in range(20)]
    for i in (8, 14):
        messages[i]["content"] = SECRET
    return [
        message | {name: value.format(i) for name, value in fields.items()}
        for i, message in enumerate(messages)
    ]


def forget_secret(memory: OpticalMemory) -> None:
    for answer in memory.recall("gate code zorblax", 9):
        for turn in answer.turns:
            if "zorblax" in answer.text:
                memory.forget(turn=turn)


@pytest.mark.parametrize("is_new", [False, True])
def test_two_messages_with_the_same_words_both_stay_away_from_a_list_of_them(
    open_memory: Open, is_new: bool
):
    memory = open_memory()
    memory.sync(talk())
    forget_secret(memory)
    memory = open_memory() if is_new else memory
    memory.sync([message for message in talk() if message["content"] == SECRET])
    assert not any("zorblax" in answer.text for answer in memory.recall("gate code zorblax", 9))


@pytest.mark.parametrize("is_new", [False, True])
def test_a_forgotten_message_that_a_list_has_twice_under_its_id_stays_away(
    open_memory: Open, is_new: bool
):
    messages = talk(id="m{}")
    memory = open_memory(keep_turns=0)
    memory.sync(messages)
    memory.forget(turn="m8")
    memory.forget(turn="m14")
    memory = open_memory(keep_turns=0) if is_new else memory
    for n_more in range(3):  # what follows the message is not taken for gone
        new = [{"role": "user", "content": f"New words {i}.", "id": f"n{i}"} for i in range(n_more)]
        ids = memory.sync([*messages, messages[8], *new])
        assert ids[20] == "m8"
        assert not any("zorblax" in answer.text for answer in memory.recall("code zorblax", 9))
        assert memory.recall("Topic 17", 1)[0].turns == ("m17",)
    assert memory.check() == []
