"""`sync` of any lists: their order, their alignment, and their costs."""

from __future__ import annotations

import copy
import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.host_lists import Message, keys, talk, texts, user
from support.memories import Open

from optical_memory import OpticalMemory
from optical_memory.session.sync.align import align
from optical_memory.testing import TemplateReader

# ---- properties ----------------------------------------------------------------------------------


WORDS = st.sampled_from(["ok", "yes", "no", "The boat is blue.", "The train is red.", "Why?"])

LISTS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), WORDS), max_size=8)


@settings(max_examples=40, deadline=None)
@given(lists=st.lists(LISTS, min_size=1, max_size=5), keep=st.integers(0, 8))
def test_after_any_lists_the_last_is_there_in_its_order(
    lists: list[list[tuple[str, str]]], keep: int, tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.mktemp("sync") / "m.db"
    options: Any = {"reader": TemplateReader(), "background": False}
    memory = OpticalMemory("s", store=f"sqlite:///{path}", **options)
    messages: list[Message] = []
    ids: list[str] = []
    for pairs in lists:
        messages = [*messages[:keep], *({"role": role, "content": text} for role, text in pairs)]
        ids = memory.sync(copy.deepcopy(messages))
        assert texts(memory, ids) == [message["content"] for message in messages]
        assert len(set(ids)) == len(ids)
        assert keys(memory, ids) == sorted(keys(memory, ids))
    assert OpticalMemory("s", store=f"sqlite:///{path}", **options).sync(messages) == ids


@given(old=st.lists(st.sampled_from("abcde"), max_size=12), new=st.lists(st.sampled_from("abcde")))
def test_alignment_pairs_equal_items_in_order(old: list[str], new: list[str]):
    pairs = sorted(align(old, new).items())
    assert all(new[i] == old[place] for i, place in pairs)
    assert all(a[1] < b[1] for a, b in itertools.pairwise(pairs))
    assert align(old, old) == {i: i for i in range(len(old))}


# ---- costs ---------------------------------------------------------------------------------------


def test_a_list_costs_by_what_is_new(open_memory: Open):
    def cpu_ms(memory: OpticalMemory) -> float:
        messages = json.loads(json.dumps(chat))
        start = time.process_time()
        memory.sync(messages)
        return (time.process_time() - start) * 1_000

    chat = talk(1_000)
    memory = open_memory()
    memory.sync(chat)
    times: list[float] = []
    for n in range(4):
        chat.append(user(f"One more about {n}."))
        times.append(cpu_ms(memory))
    assert min(times) < 40  # 6 ms on a quiet machine
    assert cpu_ms(open_memory()) < 2_000  # 120 ms
