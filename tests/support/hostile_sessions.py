"""A campaign against sessions: a neighbour in the same store tries to reach them by every argument.

A victim's turns have a bait, words that the neighbour knows and asks for, and a canary, which it
never says. An attempt reaches if an answer has a canary, or if anything of a victim changes.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.agents.recall_answers import recall_answer
from optical_memory.agents.short_view import short_view
from optical_memory.errors import Forgotten, OpticalMemoryError
from optical_memory.stores import Put, Store
from optical_memory.stores.base import Kind, Version
from optical_memory.testing import TemplateReader
from support.all_fields import all_fields

__all__ = [
    "Campaign",
]

VICTIMS = ("alice", "a", "team/alice", "{alice}", "alice:turn", "al*ce", "ａlice", "alice%2Fb")
"""Names that others are made of."""

PIECES = (
    *("*", "?", "[a-z]", "{", "}", ":", "/", "\\", "%", "~", "..", "../", "\x00", "\n", "\r\n"),
    *("\u202e", "\u200b", "\ufeff", "\ud800", "%3A", "%2F", "%00", ":meta", ":blob:*", ":turn"),
    *("{alice}", "optical:", "optical:{alice}", "'", '"', ";", "--", " ", "\t", "é", "e\u0301"),
    *("а", "ⅼ", "A", "\\u0061", "^", "$", "_", "OR 1=1", "😀", "．", "／", "\x7f", "\x1b[0m"),
)
"""Parts that a store, a pattern, a path or a terminal may take for something else."""

ALLOWED = (OpticalMemoryError, Forgotten, KeyError)
"""How an attempt may be refused."""

Attempt = Callable[["Campaign", str], Any]


class Campaign:
    """Victims in a store, and attempts of neighbours to reach them."""

    def __init__(self, store: Store, folder: Path, seed: int) -> None:
        self.store = store
        self.folder = folder
        self.random = random.Random(seed)
        self.reader = TemplateReader()
        self.n_by_kind: Counter[str] = Counter()
        self.canaries: dict[str, str] = {}
        self.page_ids: list[str] = []
        self.turn_ids: list[str] = []
        for i, name in enumerate(VICTIMS):
            self._fill(name, f"canary{self.random.randbytes(6).hex()}x{i}")
        self._prints = {name: self.fingerprint(name) for name in VICTIMS}

    def open(self, name: str) -> OpticalMemory:
        """A memory of a session."""
        return OpticalMemory(
            name,
            store=self.store,
            reader=self.reader,
            background=False,
            semantic=None,
            keep_turns=2,
        )

    def _fill(self, name: str, canary: str) -> None:
        self.canaries[name] = canary
        memory = self.open(name)
        turns = [
            Turn("user", f"The bait gate code {i} of the shop is {canary}.", id=f"{name}-m{i}")
            for i in range(14)
        ]
        memory.remember(turns)
        memory.flush()
        memory.recall("bait gate code")  # which caches tokens
        self.page_ids += [page.id for page in memory.pages()]
        self.turn_ids += [turn.id or "" for turn in turns]

    def fingerprint(self, name: str) -> tuple[Any, ...]:
        """Everything that a store has of a session."""
        records = [self.store.scan(name, kind) for kind in get_args(Kind)]
        return self.store.version(name), records

    # ---- names -----------------------------------------------------------------------------------

    def hostile_name(self) -> str:
        """A name that is no victim's, made of a victim's name and of parts that mean something."""
        while True:
            name = self._made_name()
            if name and name not in VICTIMS:
                return name

    def _made_name(self) -> str:
        victim = self.random.choice(VICTIMS)
        pieces = self.random.choices(PIECES, k=self.random.randint(1, 3))
        place = self.random.randint(0, len(victim))
        return self.random.choice(
            [
                victim[:place] + "".join(pieces) + victim[place:],
                "".join(pieces),
                victim[:place],
                victim + "".join(pieces),
                "".join(pieces) + victim,
                victim.replace("a", self.random.choice(("а", "A", "ａ", "*", "?"))),
                victim * self.random.randint(2, 40),
            ]
        )

    # ---- attempts --------------------------------------------------------------------------------

    def run(self, n: int, check_every: int = 250) -> list[str]:
        """Make `n` attempts; the sentences of those that reached a victim."""
        problems: list[str] = []
        for i in range(n):
            kind, attempt = self.random.choice(list(ATTEMPTS.items()))
            name = self.hostile_name()
            self.n_by_kind[kind] += 1
            answer = self._answer(attempt, name)
            if any(canary in answer for canary in self.canaries.values()):
                problems.append(f"{kind} of {name!r} was told words of another session")
            if i % check_every == check_every - 1 or i == n - 1:
                problems += self._changed(f"after attempt {i}, {kind} of {name!r}")
        return problems

    def _answer(self, attempt: Attempt, name: str) -> str:
        words = io.StringIO()
        with contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
            try:
                answer = all_fields(attempt(self, name))
            except ALLOWED as error:
                answer = all_fields(error)
        return answer + words.getvalue()

    def _changed(self, moment: str) -> list[str]:
        names = [name for name in VICTIMS if self.fingerprint(name) != self._prints[name]]
        missing = set(VICTIMS).difference(self.store.sessions())
        return [f"{moment}: {name!r} changed" for name in {*names, *missing}]

    def ids(self) -> Iterator[str]:
        """Ids of victims' pages and turns, and parts of them."""
        for _ in range(3):
            yield self.random.choice(self.page_ids + self.turn_ids)


def _recall(campaign: Campaign, name: str) -> Any:
    memory = campaign.open(name)
    query = campaign.random.choice(("bait gate code shop", f"session:{VICTIMS[0]}", "*", "bait"))
    return memory.recall(query, 5), memory.context(query, 500).to_messages(), memory.stats()


def _own_words(campaign: Campaign, name: str) -> Any:
    """The neighbour has turns of its own, under ids of victims."""
    memory = campaign.open(name)
    turns = [Turn("user", f"My own bait words {i}.", id=id) for i, id in enumerate(campaign.ids())]
    ids = memory.remember(turns)
    with contextlib.suppress(*ALLOWED):
        memory.supersede(ids[0], by=campaign.random.choice(campaign.turn_ids))
    with contextlib.suppress(*ALLOWED):
        memory.feedback(campaign.random.choice(campaign.turn_ids))
    return ids, memory.recall("bait gate code"), memory.sync([{"role": "user", "content": "bait"}])


def _read(campaign: Campaign, name: str) -> Any:
    memory = campaign.open(name)
    answers: list[Any] = []
    for id in campaign.ids():
        for question in (memory.read, memory.inspect, memory.picture):
            try:
                answers.append(question(id))
            except ALLOWED as error:
                answers.append(error)
    return answers


def _forget(campaign: Campaign, name: str) -> Any:
    memory = campaign.open(name)
    memory.remember(Turn("user", "mine"))
    for id in campaign.ids():
        with contextlib.suppress(*ALLOWED):
            memory.forget(turn=id)
        with contextlib.suppress(*ALLOWED):
            memory.forget(page=id)
    memory.fade(0)
    memory.forget(session=True)
    return memory.check(repair=True)


def _store(campaign: Campaign, name: str) -> Any:
    """The store by itself: keys, kinds and blobs of others."""
    store = campaign.store
    key = campaign.random.choice((*campaign.page_ids, "0000000", "*", "session", "../x", "\x00"))
    kind = campaign.random.choice(get_args(Kind))
    store.commit(name, [Put(kind, key, b"own")], expect=store.version(name))
    store.put_blobs(name, {key: b"own", "*": b"own"})
    answer = store.get(name, kind, key), store.scan(name, kind), store.get_blobs(name, [key, "*"])
    store.drop_blobs(name)
    store.drop(name)
    return answer, store.version(name) == Version()


def _export(campaign: Campaign, name: str) -> Any:
    """A file that was changed by hand, and restored beside the victims."""
    memory = campaign.open(name)
    memory.remember([Turn("user", f"Own words {i}.") for i in range(3)])
    path = campaign.folder / "own.zip"
    memory.export(path)
    memory.forget(session=True)
    changed = _changed_export(campaign, path)
    restored = OpticalMemory.restore(
        changed, None, store=campaign.store, reader=campaign.reader, background=False
    )
    answer = restored.session, restored.recall("bait gate code"), restored.stats()
    restored.forget(session=True)
    return answer


def _changed_export(campaign: Campaign, path: Path) -> Path:
    source = campaign.random
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(entries["manifest.json"])
    change = source.randrange(7)
    if change == 0:
        manifest["session"] = source.choice((*VICTIMS, "", "../alice", None, 3))
    elif change == 1:
        entries[f"../{source.choice(VICTIMS)}/turn/000000000.json"] = b"{}"
    elif change == 2:
        entries["/etc/turn/000000000.json"] = entries["turn/000000000.json"]
    elif change == 3:
        entries["page/0000000.json"] = entries["turn/000000000.json"]
    elif change == 4:
        entries["turn/000000007.json"] = entries["turn/000000000.json"]
    elif change == 5:
        entries["session/alice.json"] = entries["session/session.json"]
    else:
        entries["picture/../../x.png"] = b"\x89PNG"
    entries["manifest.json"] = json.dumps(manifest).encode()
    changed = path.with_name("changed.zip")
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return changed


def _tools(campaign: Campaign, name: str) -> Any:
    """The answers that models are given."""
    memory = campaign.open(name)
    messages = [{"role": "user", "content": f"bait words {i} " * 20} for i in range(6)]
    details: tuple[Any, ...] = ("lines", "passages")
    answers = [recall_answer(memory, "bait gate code", detail=detail) for detail in details]
    answers.append(recall_answer(memory, None, page=campaign.random.randint(1, 3)))
    return answers, short_view(memory, messages, 200)


def _hook(campaign: Campaign, name: str) -> Any:
    event = {
        "hook_event_name": "UserPromptSubmit",
        "session_id": name,
        "prompt": "bait gate code",
        "transcript_path": str(campaign.folder / campaign.random.choice(("none", "\x00", "../x"))),
    }
    return hook_answer(campaign.open, json.dumps(event))


ATTEMPTS: dict[str, Attempt] = {
    "recall": _recall,
    "own words": _own_words,
    "read": _read,
    "forget": _forget,
    "store": _store,
    "export": _export,
    "tools": _tools,
    "hook": _hook,
}
