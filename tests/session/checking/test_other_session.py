"""Records of another session, under the same keys, are told and never read as words of this."""

from __future__ import annotations

import pytest
from support.damage.observe import look
from support.damage.sessions import SESSION, memory_of, sample

from optical_memory import Turn
from optical_memory.stores import Kind, Put, Store

KINDS: tuple[Kind, ...] = ("session", "turn", "page", "index", "picture")


def fill_other(store: Store, shape: str) -> str:
    """A session like the sample, with words that the sample does not have; gives its name."""
    memory = memory_of(store, shape).open("bob")
    memory.remember([Turn("user", f"The {i}th quince lies in bowl {i * 7}.") for i in range(40)])
    memory.flush()
    return memory.session


@pytest.mark.parametrize("shape", ["pages", "text"])
def test_records_of_another_session_are_told_and_not_read(store: Store, shape: str) -> None:
    whole = sample(store, shape)
    other = fill_other(store, shape)
    for kind in KINDS:
        keys = {put.key for put in whole.records if put.kind == kind}
        pairs = [pair for pair in store.scan(other, kind) if pair[0] in keys]
        assert pairs
        store.commit(SESSION, [Put(kind, key, value) for key, value in pairs])
        store.drop_blobs(SESSION)
        memory = whole.opened()
        assert "quince" not in str(look(memory).said)
        assert memory.check() != []
        whole.restore()
