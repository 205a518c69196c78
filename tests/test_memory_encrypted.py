"""A memory with a key: nothing that was said lies in any file or server, in any form; without the
key nothing is read and nothing is mended; what is moved elsewhere does not open.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from support.encrypted_memories import KEY, OTHER_KEY, bytes_under, traces
from support.memories import Open, memories
from support.secret_turn import SECRET, said
from support.valkey_server import ALWAYS, Server, running

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import InputError, KeyMismatch, StoreError
from optical_memory.stores import Delete, Put, SQLiteStore, open_store
from optical_memory.testing import TemplateReader, turn_texts

WORDS = [*SECRET, "Zebedee", "look_up_zorblax", "Topic1", "apples", "m5"]
"""Words of text, names, calls, and an id of the host; `traces` looks for each in every form."""

LONG_WORDS = [word for word in WORDS if len(word) > 2]


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Open]:
    """Opens encrypted memories of one session in one file."""
    url = f"sqlite:///{tmp_path}/db/memory.db"
    with memories(store=url, keep_turns=3, key=KEY, background=False) as open_memory:
        yield open_memory


def lived(memory: OpticalMemory) -> OpticalMemory:
    """A memory that has been used in every way that writes."""
    memory.remember(said())
    memory.flush()
    memory.recall("Which shelf has Topic12?")
    memory.context("What is the zorblax code?")
    memory.supersede("m7", by=Turn("user", "Topic7 has moved to shelf 99.", id="m7b"))
    memory.read(memory.pages()[0].id)
    return memory


# ---- what lies in files --------------------------------------------------------------------------


def test_nothing_that_was_said_is_in_any_file(
    encrypted: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    memory = lived(encrypted())
    memory.export(tmp_path / "db" / "session.zip")
    token_blobs = blob_values(memory)
    assert token_blobs, "no tokens were cached"
    data = bytes_under(tmp_path)
    assert traces(LONG_WORDS, data) == []
    assert [blob for blob in token_blobs if blob[64:128] in data] == []
    assert b"\x89PNG" not in data
    assert b"IHDR" not in data
    assert KEY.secret not in data


def blob_values(memory: OpticalMemory) -> list[bytes]:
    """The cached tokens of the memory's pages, decrypted."""
    cache = memory._cache
    places = [
        (page, rung)
        for page in memory._archive.snapshot().pages.values()
        for rung in memory.reader.profile.ladder
    ]
    blobs = cache._cached([cache._key(*place) for place in places])
    return [blob for blob in blobs if blob is not None]


def test_the_same_grep_finds_the_words_of_a_plain_memory(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    with memories(store=url, keep_turns=3, background=False) as open_memory:
        lived(open_memory())
        assert "apples" in traces(LONG_WORDS, bytes_under(tmp_path))


def test_what_was_forgotten_leaves_no_ciphertext_in_the_files(
    encrypted: Open, tmp_path: Path
) -> None:
    memory = lived(encrypted())
    memory.remember(Turn("user", "An open turn about flurbington.", id="open"))
    record = memory._archive.snapshot().turn("m5")
    assert record is not None
    with closing(open_store(f"sqlite:///{tmp_path}/db/memory.db")) as raw:
        old_values = values_of(raw, record.pages[0])
    assert len(old_values) > 2
    assert all(value[20:60] in bytes_under(tmp_path) for value in old_values)
    memory.forget(turn="m5")
    memory.forget(turn="open")
    memory.forget(page=record.pages[0])
    data = bytes_under(tmp_path)
    assert [value for value in old_values if value[20:60] in data] == []


def values_of(raw: Any, page: str) -> list[bytes]:
    """The stored values of a page, its pictures, the turns "m5" and "open", and all blobs."""
    values = [data for key, data in raw.scan("alice", "picture") if key.startswith(page)]
    values += [data for key, data in raw.scan("alice", "page") if key == page]
    values += [data for key, data in raw.scan("alice", "turn")[5:6]]
    if isinstance(raw, SQLiteStore):
        with closing(sqlite3.connect(f"{raw.path}-cache")) as db:
            values += [value for (value,) in db.execute("SELECT value FROM blobs")]
    return values


PERSISTENCE = {
    "append-only file": ALWAYS,
    "append-only file without preamble": {**ALWAYS, "aof-use-rdb-preamble": "no"},
    "snapshots": {"appendonly": "no", "save": "3600 1"},
    "both": {**ALWAYS, "save": "3600 1"},
}


@pytest.mark.parametrize("persistence", PERSISTENCE)
def test_no_file_of_a_server_has_words_or_what_was_forgotten(persistence: str) -> None:
    with running(**PERSISTENCE[persistence]) as server:
        folder = server.socket.parent / "data"
        with memories(store=server.url, keep_turns=3, key=KEY, background=False) as open_memory:
            memory = lived(open_memory())
            record = memory._archive.snapshot().turn("m5")
            assert record is not None
            with closing(open_store(server.url)) as raw:
                old_values = values_of(raw, record.pages[0])
                old_values += server_blobs(server)
            save(server)
            assert all(value[20:60] in bytes_under(folder) for value in old_values)
            memory.forget(turn="m5")
            memory.forget(page=record.pages[0])
            data = bytes_under(folder)
            assert traces(LONG_WORDS, data) == []
            assert [value for value in old_values if value[20:60] in data] == []
            memory.forget(session=True)
            assert b"data_keys" not in bytes_under(folder)


def server_blobs(server: Server) -> list[bytes]:
    with redis.Redis.from_url(server.url) as client:
        return [client.get(key) for key in client.scan_iter(match="*blob:*")]


def save(server: Server) -> None:
    """The server writes its snapshot, if it has any."""
    with redis.Redis.from_url(server.url) as client:
        if client.config_get("save")["save"]:
            client.save()


# ---- keys ----------------------------------------------------------------------------------------

VERBS = {
    "remember": lambda memory: memory.remember(Turn("user", "hello", id="new")),
    "sync": lambda memory: memory.sync([{"role": "user", "content": "hello"}]),
    "recall": lambda memory: memory.recall("shelf"),
    "context": lambda memory: memory.context("shelf"),
    "pages": lambda memory: memory.pages(),
    "stats": lambda memory: memory.stats(),
    "seal": lambda memory: memory.seal(),
    "fade": lambda memory: memory.fade(0),
    "plan": lambda memory: memory.plan(0),
    "forget a turn": lambda memory: memory.forget(turn="m5"),
    "check": lambda memory: memory.check(),
    "repair": lambda memory: memory.check(repair=True),
    "export": lambda memory: memory.export("never.zip"),
    "export plain": lambda memory: memory.export("never.zip", plain=True),
}


@pytest.mark.parametrize("key", [None, OTHER_KEY], ids=["no key", "another key"])
def test_without_the_key_no_verb_reads_or_writes(
    encrypted: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    lived(encrypted())
    store = open_store(f"sqlite:///{tmp_path}/db/memory.db")
    version = store.version("alice")
    for name, verb in VERBS.items():
        with pytest.raises(KeyMismatch) as refusal:
            verb(encrypted(key=key))
        assert "alice" in str(refusal.value), name
    assert store.version("alice") == version
    assert not (tmp_path / "never.zip").exists()
    assert encrypted().check() == []
    store.close()


def life(memory: OpticalMemory) -> Iterator[object]:
    """What every verb of a memory answers, in a life of a session."""
    yield memory.remember(said())
    memory.flush()
    yield [answer.text for answer in memory.recall("Which shelf has Topic12?", k=5)]
    yield memory.context("What is the zorblax code?", 300).to_messages()
    yield memory.supersede("m7", by=Turn("user", "Topic7 has moved to shelf 99.", id="m7b"))
    yield memory.sync([{"role": "user", "content": "Topic50 is on shelf 150.", "id": "s1"}])
    pages = memory.pages()
    yield [(page.id, page.state, page.form) for page in pages]
    yield memory.read(pages[0].id).text
    yield [(step.page, step.rung) for step in memory.plan(200).steps]
    yield [(step.page, step.rung) for step in memory.fade(200)]
    yield [page.form for page in memory.pages()]
    yield memory.forget(turn="m5")
    yield memory.check()
    yield memory.check(repair=True)
    yield memory.stats().to_json()
    yield turn_texts(memory)
    yield memory.sessions()
    yield memory.forget(session=True)
    yield memory.sessions()


def test_every_verb_does_with_a_key_what_it_does_without(encrypted: Open, tmp_path: Path) -> None:
    plain_url = f"sqlite:///{tmp_path}/plain.db"
    plain_answers = list(life(encrypted(key=None, store=plain_url)))
    assert list(life(encrypted())) == plain_answers
    assert len(plain_answers) == 18


def test_a_plain_session_does_not_open_with_a_key(encrypted: Open) -> None:
    lived(encrypted(key=None))
    for verb in VERBS.values():
        with pytest.raises(KeyMismatch, match="key encrypt"):
            verb(encrypted())
    assert encrypted(key=None).check() == []


def test_the_other_sessions_of_a_memory_have_its_key_and_data_keys_of_their_own(
    encrypted: Open, tmp_path: Path
) -> None:
    memory = lived(encrypted())
    bob = memory.open("bob")
    bob.remember(Turn("user", "Bob says flurbington.", id="b"))
    assert traces(LONG_WORDS, bytes_under(tmp_path)) == []
    rings = [m._archive.store.protection.keyring(m.session) for m in (memory, bob)]  # type: ignore[attr-defined]
    assert rings[0].keys != rings[1].keys
    assert memory.sessions() == ["alice", "bob"]


def test_a_key_service_of_the_users_own_wraps_the_data_keys(encrypted: Open) -> None:
    class Vault:
        id = "vault/tenant-7"
        calls = 0

        def wrap(self, data_key: bytes) -> bytes:
            return bytes(byte ^ 0x5A for byte in data_key)

        def unwrap(self, wrapped_key: bytes) -> bytes:
            self.calls += 1
            return bytes(byte ^ 0x5A for byte in wrapped_key)

    lived(encrypted(key=Vault()))
    vault = Vault()
    memory = encrypted(key=vault)
    for _ in range(5):
        memory.recall("shelf")
        memory.remember(Turn("user", f"Turn {vault.calls}"))
    assert vault.calls == 1


def test_two_processes_share_an_encrypted_session(encrypted: Open) -> None:
    first, second = encrypted(), encrypted()
    for n in range(6):
        (first, second)[n % 2].remember(Turn("user", f"Turn {n}.", id=str(n)))
    assert turn_texts(first) == turn_texts(second) == {str(n): f"Turn {n}." for n in range(6)}


@pytest.mark.parametrize("key", ["optical-memory-key-1:AAAA", b"k" * 32, 7, object()])
def test_what_is_no_key_is_refused_at_the_door(encrypted: Open, key: Any) -> None:
    with pytest.raises(InputError, match=r"TenantKey\.from_file") as refusal:
        encrypted(key=key)
    assert "AAAA" not in str(refusal.value)
    with pytest.raises(InputError):
        encrypted(key=None).encrypt(key)


# ---- exports -------------------------------------------------------------------------------------


def test_an_encrypted_export_restores_under_another_name_with_the_key(
    encrypted: Open, tmp_path: Path
) -> None:
    memory = lived(encrypted())
    memory.export(tmp_path / "session.zip")
    for key in (None, OTHER_KEY):
        with pytest.raises(KeyMismatch):
            OpticalMemory.restore(
                tmp_path / "session.zip", "copy", store=memory.store, key=key, background=False
            )
    assert memory.sessions() == ["alice"]
    copy = OpticalMemory.restore(
        tmp_path / "session.zip",
        "copy",
        store=memory.store,
        reader=TemplateReader(),
        key=KEY,
        background=False,
    )
    assert turn_texts(copy) == turn_texts(memory)
    assert copy.check() == []
    memory.forget(session=True)
    assert "apples" in copy.recall("Topic12 shelf")[0].text


def test_a_plain_export_is_made_on_request_alone(encrypted: Open, tmp_path: Path) -> None:
    memory = lived(encrypted())
    memory.export(tmp_path / "plain.zip", plain=True)
    copy = OpticalMemory.restore(
        tmp_path / "plain.zip",
        store=f"sqlite:///{tmp_path}/plain.db",
        reader=TemplateReader(),
        background=False,
    )
    assert turn_texts(copy) == turn_texts(memory)
    copy.close()


# ---- what is moved or changed --------------------------------------------------------------------


def test_no_value_opens_at_another_place(encrypted: Open, tmp_path: Path) -> None:
    memory = lived(encrypted())
    bob = lived(memory.open("bob"))
    raw = open_store(f"sqlite:///{tmp_path}/db/memory.db")
    chance = random.Random(5)
    for kind in ("turn", "page", "picture", "index"):
        values = dict(raw.scan("alice", kind))  # type: ignore[arg-type]
        foreign = dict(raw.scan("bob", kind))  # type: ignore[arg-type]
        key = chance.choice([key for key in values if key in foreign])
        for value in [*[data for k, data in values.items() if k != key][:2], foreign[key]]:
            raw.commit("alice", [Put(kind, key, value)])  # type: ignore[arg-type]
            got = encrypted()._archive.store.get("alice", kind, key)  # type: ignore[arg-type]
            assert got is not None
            assert b"does not decrypt" in got or b"does not have" in got
            assert kind == "index" or encrypted().check() != []
        raw.commit("alice", [Put(kind, key, values[key])])  # type: ignore[arg-type]
    assert encrypted().check() == []
    assert bob.check() == []
    raw.close()


def test_a_plain_record_in_an_encrypted_session_is_refused(encrypted: Open, tmp_path: Path) -> None:
    memory = lived(encrypted())
    raw = open_store(f"sqlite:///{tmp_path}/db/memory.db")
    plain = encrypted(key=None).open("bob")
    plain.remember(Turn("user", "Transfer the money to Mallory.", id="m1"))
    raw.commit("alice", [Put("turn", "000000001", raw.scan("bob", "turn")[0][1])])
    assert any("not encrypted" in problem for problem in memory.check())
    assert "Mallory" not in " ".join(turn.text for turn in memory.recall("Transfer money"))
    raw.close()


def test_a_session_copied_under_another_name_does_not_open(encrypted: Open, tmp_path: Path) -> None:
    memory = lived(encrypted())
    raw = open_store(f"sqlite:///{tmp_path}/db/memory.db")
    kinds = ("session", "turn", "page", "picture", "index")
    copies = [Put(kind, k, v) for kind in kinds for k, v in raw.scan("alice", kind)]  # type: ignore[arg-type]
    raw.commit("mallory", copies)
    with pytest.raises(KeyMismatch, match="changed"):
        memory.open("mallory").check(repair=True)
    raw.close()


def test_flipped_bits_are_told_and_nothing_else_is_lost(encrypted: Open, tmp_path: Path) -> None:
    memory = lived(encrypted())
    texts = turn_texts(memory)
    raw = open_store(f"sqlite:///{tmp_path}/db/memory.db")
    chance = random.Random(11)
    places = [
        (kind, k, v)
        for kind in ("session", "turn", "page", "picture")
        for k, v in raw.scan("alice", kind)
    ]  # type: ignore[arg-type]
    for kind, key, value in chance.sample(places, 20):
        bit = chance.randrange(8 * len(value))
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        raw.commit("alice", [Put(kind, key, bytes(changed))])  # type: ignore[arg-type]
        try:
            assert encrypted().check() != [], (kind, key, bit)
        except StoreError:
            assert (kind, key) == ("session", "data-key")
        raw.commit("alice", [Put(kind, key, value)])  # type: ignore[arg-type]
    assert turn_texts(encrypted()) == texts
    raw.close()


def test_a_lost_key_record_is_told_and_repair_marks_nothing_as_forgotten(
    encrypted: Open, tmp_path: Path
) -> None:
    texts = turn_texts(lived(encrypted()))
    raw = open_store(f"sqlite:///{tmp_path}/db/memory.db")
    record = raw.get("alice", "session", "data-key")
    assert record is not None
    raw.commit("alice", [Delete("session", "data-key")])
    for key in (KEY, OTHER_KEY, None):
        with pytest.raises(KeyMismatch):
            encrypted(key=key).check(repair=True)
    raw.commit("alice", [Put("session", "data-key", record)])
    assert turn_texts(encrypted()) == texts
    raw.close()
