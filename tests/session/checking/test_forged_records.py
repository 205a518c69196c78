"""Records made wrong by hand, with a checksum that matches: told or harmless, never a crash.

A sample of the campaign in `support.damage.hostile`, which `make test-faults` runs at length.
"""

from __future__ import annotations

import random

import pytest
from support.damage.hostile import forgeries, try_forgery
from support.damage.sessions import SHAPES, sample

from optical_memory.stores import Store

N_FORGERIES = 5
"""Of each shape and store: the campaign has thousands."""


@pytest.mark.parametrize("shape", SHAPES)
def test_no_forged_field_ends_a_call_with_a_strange_error(store: Store, shape: str) -> None:
    whole = sample(store, shape)
    chosen = random.Random(shape).sample(list(forgeries(whole)), N_FORGERIES)
    assert [fault for forgery in chosen for fault in try_forgery(whole, forgery)] == []
