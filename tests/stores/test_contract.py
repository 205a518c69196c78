"""The store contract: every promise of `stores/base.py`, held by SQLite and by a real Redis or
Valkey alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import optical_memory
from optical_memory.errors import Conflict, StoreError
from optical_memory.stores import Delete, Put, Store, open_store
from optical_memory.stores.redis import RedisStore
from optical_memory.stores.sqlite import SQLiteStore

ROOT = Path(optical_memory.__file__).parents[1]
ODD_NAMES = ["é☃😀", "a}:turn", "{a}", "%7B", "a:b", " ", "", "\x00", "\ud800", "*", "a" * 2_000]


@pytest.fixture
def twin(store: Store, request: pytest.FixtureRequest) -> Iterator[Store]:
    """The same data through a second store, as another process would open it."""
    if isinstance(store, SQLiteStore):
        other: Store = SQLiteStore(store.path)
    else:
        assert isinstance(store, RedisStore)
        other = RedisStore(request.getfixturevalue("redis_url"), prefix=store.prefix)
    yield other
    other.close()


def test_a_session_that_was_never_written_is_empty_at_version_0(store: Store) -> None:
    assert store.version("alice") == 0
    assert store.get("alice", "turn", "1") is None
    assert store.scan("alice", "turn") == []
    assert store.get_blobs("alice", ["x"]) == [None]
    assert store.sessions() == []


def test_what_was_committed_is_read_back_here_and_elsewhere(store: Store, twin: Store) -> None:
    store.commit(
        "alice",
        [Put("turn", "1", b"one"), Put("page", "1", b"page"), Put("session", "s", b"state")],
    )
    for reader in (store, twin):
        assert reader.get("alice", "turn", "1") == b"one"
        assert reader.get("alice", "page", "1") == b"page"
        assert reader.scan("alice", "session") == [("s", b"state")]


def test_every_commit_raises_the_version_by_one(store: Store) -> None:
    assert [store.commit("alice", [Put("turn", "1", b"x")]) for _ in range(3)] == [1, 2, 3]
    assert store.commit("alice", []) == 4
    assert store.version("alice") == 4


def test_a_commit_against_another_version_writes_nothing(store: Store, twin: Store) -> None:
    store.commit("alice", [Put("turn", "1", b"first")], expect=0)
    for stale in (0, 2):
        with pytest.raises(Conflict, match="is at version 1"):
            twin.commit(
                "alice",
                [Put("turn", "1", b"late"), Put("turn", "2", b"late"), Delete("turn", "1")],
                stale,
            )
    assert store.scan("alice", "turn") == [("1", b"first")]
    assert store.version("alice") == 1


def test_a_conflict_on_a_new_session_does_not_make_it(store: Store) -> None:
    with pytest.raises(Conflict):
        store.commit("alice", [Put("turn", "1", b"x")], expect=3)
    assert store.sessions() == []


def test_the_changes_of_a_commit_are_made_in_order(store: Store) -> None:
    store.commit(
        "alice",
        [
            Put("turn", "1", b"a"),
            Put("turn", "1", b"b"),
            Delete("turn", "2"),
            Put("turn", "2", b"c"),
        ],
    )
    store.commit("alice", [Delete("turn", "2"), Delete("turn", "never there")])
    assert store.scan("alice", "turn") == [("1", b"b")]


def test_scan_gives_one_kind_in_key_order(store: Store) -> None:
    keys = ["b", "a", "10", "9", "é", "Z", "😀", "\uffff", ""]
    store.commit(
        "alice", [Put("turn", key, key.encode()) for key in keys] + [Put("page", "c", b"")]
    )
    assert [key for key, _ in store.scan("alice", "turn")] == sorted(keys)


@pytest.mark.parametrize(
    "value", [b"", b"\x00", bytes(range(256)), b"\r\n$5\r\n", "☃".encode()], ids=repr
)
def test_values_are_any_bytes(store: Store, value: bytes) -> None:
    store.commit("alice", [Put("turn", "1", value)])
    store.put_blobs("alice", {"b": value})
    assert store.get("alice", "turn", "1") == store.get_blobs("alice", ["b"])[0] == value


def test_values_of_five_megabytes_come_back_whole(store: Store) -> None:
    value = bytes(range(256)) * 20_480
    store.commit("alice", [Put("picture", "1", value), Put("picture", "2", value[::-1])])
    store.put_blobs("alice", {"b": value})
    assert store.scan("alice", "picture") == [("1", value), ("2", value[::-1])]
    assert store.get_blobs("alice", ["b"]) == [value]


def test_sessions_with_odd_names_do_not_meet(store: Store) -> None:
    for name in ODD_NAMES:
        store.commit(
            name, [Put("turn", other, name.encode("utf-8", "surrogatepass")) for other in ODD_NAMES]
        )
        store.put_blobs(name, {other: repr((name, other)).encode() for other in ODD_NAMES})
    assert store.sessions() == sorted(ODD_NAMES)
    for name in ODD_NAMES:
        assert [key for key, _ in store.scan(name, "turn")] == sorted(ODD_NAMES)
        assert {value for _, value in store.scan(name, "turn")} == {
            name.encode("utf-8", "surrogatepass")
        }
        assert store.get_blobs(name, ODD_NAMES) == [
            repr((name, other)).encode() for other in ODD_NAMES
        ]


changes = st.lists(
    st.one_of(
        st.builds(
            Put, st.sampled_from(["turn", "page"]), st.text(max_size=3), st.binary(max_size=8)
        ),
        st.builds(Delete, st.sampled_from(["turn", "page"]), st.text(max_size=3)),
    ),
    max_size=6,
)


@given(commits=st.lists(changes, max_size=5))
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_store_is_a_dictionary_under_a_version(
    store: Store, commits: list[list[Put | Delete]]
) -> None:
    store.drop("alice")
    model: dict[tuple[str, str], bytes] = {}
    for commit in commits:
        store.commit("alice", commit)
        for change in commit:
            if isinstance(change, Put):
                model[change.kind, change.key] = change.value
            else:
                model.pop((change.kind, change.key), None)
    assert store.version("alice") == len(commits)
    for kind in ("turn", "page"):
        assert store.scan("alice", kind) == sorted(
            (key, value) for (of, key), value in model.items() if of == kind
        )


def test_dropping_a_session_leaves_nothing_of_it_and_all_of_the_others(
    store: Store, twin: Store
) -> None:
    for name in ("alice", "bob"):
        store.commit(
            name, [Put(kind, "1", b"x") for kind in ("session", "turn", "page", "picture")]
        )
        store.put_blobs(name, {"b": b"blob"})
    store.drop("alice")
    for reader in (store, twin):
        assert (reader.version("alice"), reader.sessions()) == (0, ["bob"])
        assert all(
            reader.scan("alice", kind) == [] for kind in ("session", "turn", "page", "picture")
        )
        assert reader.get_blobs("alice", ["b"]) == [None]
        assert (reader.version("bob"), reader.get_blobs("bob", ["b"])) == (1, [b"blob"])


def test_dropping_what_is_not_there_is_no_error(store: Store) -> None:
    store.drop("nobody")
    store.drop_blobs("nobody")
    store.drop_blobs("nobody", ["x"])


def test_a_dropped_session_starts_again_at_version_1(store: Store) -> None:
    store.commit("alice", [Put("turn", "1", b"x")])
    store.drop("alice")
    assert store.commit("alice", [], expect=0) == 1
    assert store.scan("alice", "turn") == []


def test_blobs_come_in_the_order_asked_for_with_none_where_absent(store: Store) -> None:
    store.put_blobs("alice", {"a": b"1", "b": b"2"})
    store.put_blobs("alice", {"b": b"3"})
    assert store.get_blobs("alice", ["b", "x", "a", "b"]) == [b"3", None, b"1", b"3"]
    assert store.get_blobs("alice", []) == []
    store.put_blobs("alice", {})


def test_blobs_may_be_dropped_one_by_one_or_all_at_once(store: Store) -> None:
    store.put_blobs("alice", dict.fromkeys("abc", b"x"))
    store.put_blobs("bob", {"a": b"y"})
    store.drop_blobs("alice", ["a", "never there"])
    assert store.get_blobs("alice", ["a", "b"]) == [None, b"x"]
    store.drop_blobs("alice", [])
    store.drop_blobs("alice")
    assert store.get_blobs("alice", ["a", "b", "c"]) == [None, None, None]
    assert store.get_blobs("bob", ["a"]) == [b"y"]


def test_blobs_make_no_session_and_change_no_version(store: Store) -> None:
    store.put_blobs("alice", {"a": b"x"})
    assert (store.sessions(), store.version("alice")) == ([], 0)


def test_losing_every_blob_touches_no_record(store: Store) -> None:
    store.commit("alice", [Put("page", "1", b"x")])
    store.put_blobs("alice", {"a": b"x"})
    store.drop_blobs("alice")
    assert (store.scan("alice", "page"), store.version("alice")) == ([("1", b"x")], 1)


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_ttl_must_be_positive(store: Store, ttl: int) -> None:
    with pytest.raises(ValueError, match="ttl must be positive"):
        store.put_blobs("alice", {"a": b"x"}, ttl=ttl)


def append(store: Store, count: int) -> None:
    """Append `count` numbered turns the way a memory does: read the version, commit against it,
    retry on conflict.
    """
    done = 0
    while done < count:
        version = store.version("alice")
        try:
            store.commit(
                "alice",
                [Put("turn", f"{version:06d}", b"x"), Put("session", "s", b"%d" % version)],
                version,
            )
            done += 1
        except Conflict:
            continue


def test_threads_that_share_a_store_lose_no_append(store: Store) -> None:
    threads = [threading.Thread(target=append, args=(store, 25)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [key for key, _ in store.scan("alice", "turn")] == [f"{n:06d}" for n in range(100)]
    assert (store.version("alice"), store.get("alice", "session", "s")) == (100, b"99")


def test_threads_that_do_not_look_at_versions_all_get_their_own(store: Store) -> None:
    got: list[int] = []
    threads = [
        threading.Thread(target=lambda: got.extend(store.commit("alice", []) for _ in range(20)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 81))


APPEND = """
import sys
from optical_memory.errors import Conflict
from optical_memory.stores import Put, open_store
from optical_memory.stores.redis import RedisStore
url, prefix, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url) if url.startswith("sqlite") else RedisStore(url, prefix=prefix)
while count:
    version = store.version("alice")
    try:
        store.commit("alice", [Put("turn", f"{version:06d}", b"x")], version)
        count -= 1
    except Conflict:
        pass
"""


def test_processes_that_share_a_session_lose_no_append(
    store: Store, request: pytest.FixtureRequest
) -> None:
    if isinstance(store, SQLiteStore):
        place = [f"sqlite:///{store.path}", "-"]
    else:
        assert isinstance(store, RedisStore)
        place = [request.getfixturevalue("redis_url"), store.prefix]
    command = [sys.executable, "-c", APPEND, *place, "40"]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    append(store, 40)
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert [key for key, _ in store.scan("alice", "turn")] == [f"{n:06d}" for n in range(160)]


def test_a_healthy_store_has_no_problems(store: Store) -> None:
    if isinstance(store, RedisStore) and "REDIS_URL" in os.environ:
        pytest.skip("the settings of the server at REDIS_URL are its own")
    store.commit("alice", [Put("turn", "1", b"x")])
    assert store.check() == []


def test_a_url_opens_the_store_that_it_names(tmp_path: Path, redis_url: str) -> None:
    with_file = open_store(f"sqlite:///{tmp_path}/new/folder/memory.db")
    with_server = open_store(redis_url)
    try:
        assert isinstance(with_file, SQLiteStore)
        assert with_file.commit("alice", []) == 1
        assert (tmp_path / "new/folder/memory.db").is_file()
        assert isinstance(with_server, RedisStore)
        assert with_server.version("never written") == 0
    finally:
        with_file.close()
        with_server.close()


@pytest.mark.parametrize(
    "url", ["memory.db", "mysql://x", "", "sqlite://memory.db", "sqlite:///", "sqlite:memory.db"]
)
def test_a_url_of_no_store_of_ours_is_refused_with_what_would_do(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        open_store(url)


def test_opening_nothing_imports_neither_redis_nor_sqlite() -> None:
    code = "import sys, optical_memory.stores; print([m for m in ('redis', 'sqlite3', 'torch') if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_an_sqlite_file_that_cannot_be_opened_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        open_store(f"sqlite:///{tmp_path}")
