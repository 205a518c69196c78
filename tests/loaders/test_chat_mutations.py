"""Exports with keys dropped, renamed, nulled or of another type: they load, or are refused with a
word on it; never another error, never a turn without words.
"""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from support.chat_files import EXPORTS

from optical_memory import loaders
from optical_memory.errors import InputError
from optical_memory.loaders import Conversation

N_MUTATIONS = 150


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_with_odd_keys_loads_or_is_refused(name: str):
    randomness = random.Random(7)
    n_loaded = 0
    for _ in range(N_MUTATIONS):
        data = mutation(EXPORTS[name](), randomness)
        try:
            conversations = getattr(loaders, name)(data)
        except InputError:
            continue
        n_loaded += 1
        assert_filled(conversations)
    assert n_loaded > N_MUTATIONS / 2


def test_files_of_mutations_are_told_apart_or_refused(tmp_path: Path):
    randomness = random.Random(8)
    path = tmp_path / "export.json"
    for export in EXPORTS.values():
        for _ in range(15):
            path.write_text(json.dumps(mutation(export(), randomness)), encoding="utf-8")
            try:
                conversations = loaders.load(path)
            except InputError:
                continue
            assert_filled(conversations)


def assert_filled(conversations: list[Conversation]):
    assert conversations
    for conversation in conversations:
        assert conversation.turns
        for turn in conversation.turns:
            assert turn.text.strip() or turn.tool_calls or turn.attachments


def mutation(data: Any, randomness: random.Random) -> Any:
    """The data with one to three changes at random places."""
    data = copy.deepcopy(data)
    for _ in range(randomness.randint(1, 3)):
        containers = [item for item in walk(data) if isinstance(item, dict | list) and item]
        if containers:
            change(randomness.choice(containers), randomness)
    return data


def change(container: Any, randomness: random.Random) -> None:
    keys = list(container) if isinstance(container, dict) else range(len(container))
    key = randomness.choice(keys)
    kind = randomness.choice(("drop", "rename", "other"))
    if kind == "drop":
        del container[key]
    elif kind == "rename" and isinstance(container, dict):
        container[f"{key}_new"] = container.pop(key)
    else:
        odd_values = (None, "", 17, -1e300, True, "odd word", [], {}, ["x", None], {"text": 5})
        container[key] = copy.deepcopy(randomness.choice(odd_values))


def walk(data: Any) -> list[Any]:
    """The data and all values in it."""
    values = [data]
    children = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for child in children:
        values += walk(child)
    return values
