"""A file and a server with every life written, which the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.faults.lives import prepare_all
from support.faults.places import PLACES, Place
from support.faults.told import Told

Lives = tuple[Place, dict[str, Told]]


@pytest.fixture(scope="session", params=list(PLACES))
def lives(request: pytest.FixtureRequest) -> Iterator[Lives]:
    """A place of each kind, and what was told in each life that it keeps."""
    with PLACES[request.param]() as place:
        yield place, prepare_all(place)


@pytest.fixture(scope="session")
def in_file() -> Iterator[Lives]:
    """A place in SQLite files."""
    with PLACES["sqlite"]() as place:
        yield place, prepare_all(place)


@pytest.fixture(scope="session")
def on_server() -> Iterator[Lives]:
    """A place on a Valkey server that syncs every write."""
    with PLACES["valkey"]() as place:
        yield place, prepare_all(place)
