"""Sessions cannot reach each other: a sample of the campaign that `make test-isolation` runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.hostile_sessions import ATTEMPTS, Campaign

from optical_memory.stores import Store
from optical_memory.stores.base import Kind
from optical_memory.stores.sqlite import SQLiteStore

N_ATTEMPTS = int(os.environ.get("OPTICAL_MEMORY_ATTEMPTS", "80"))
"""For each kind of store. `make test-isolation` makes 10,000."""


@pytest.mark.timeout(7200)
def test_no_attempt_reaches_another_session(store: Store, tmp_path: Path):
    campaign = Campaign(store, tmp_path, seed=14)
    assert campaign.run(N_ATTEMPTS) == []
    assert campaign.n_by_kind.total() == N_ATTEMPTS
    assert set(campaign.n_by_kind) == set(ATTEMPTS)
    print(f"{type(store).__name__}: {dict(campaign.n_by_kind)}")


class LeakyStore(SQLiteStore):
    """Takes names that begin alike for the same session when it reads, once it leaks."""

    leaks = False

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        return super().scan(self._name(session), kind)

    def load(self, session: str, *arguments: Any, **options: Any) -> Any:
        return super().load(self._name(session), *arguments, **options)

    def _name(self, session: str) -> str:
        return "alice" if self.leaks and session.startswith("a") else session


def test_the_campaign_notices_a_store_that_lets_sessions_reach_each_other(tmp_path: Path):
    store = LeakyStore(tmp_path / "memory.db")
    campaign = Campaign(store, tmp_path, seed=3)
    store.leaks = True
    assert campaign.run(40, check_every=40) != []
    store.close()
