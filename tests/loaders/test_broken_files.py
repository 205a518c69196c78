"""Files of agents and data sets whose keys are gone, renamed or null: turns or `InputError`, never
another error and never an empty turn.
"""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from support.corpus_files import CORPORA
from support.load_files import write_file
from support.trace_files import TRACES

from optical_memory.errors import InputError
from optical_memory.loaders import load, load_file
from optical_memory.loaders.files import Document
from optical_memory.loaders.formats import JSON_FORMATS, format_of
from optical_memory.turns import valid_turn

FILES = {**TRACES, **CORPORA}
N_MUTATIONS = 150
VALUES: list[Any] = [None, "", "word", 7, -1.5, True, [], {}, [None], {"a": 1}, [["x"]], 10**400]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_told_by_its_content(name: str, tmp_path: Path):
    data = FILES[name]
    reading = load_file(write_file(tmp_path / "x.json", data))
    assert reading.format == name.split(" | ")[0]
    if isinstance(data, list):
        lines = "\n".join(json.dumps(line) for line in data)
        assert load(write_file(tmp_path / "x.jsonl", lines)) == load(tmp_path / "x.json")


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_gives_turns_or_an_input_error(name: str):
    rng = random.Random(name)
    n_readings = 0
    for _ in range(N_MUTATIONS):
        data = copy.deepcopy(FILES[name])
        for _ in range(rng.randint(1, 4)):
            mutate(data, rng)
        n_readings += check(data, name)
    assert n_readings > N_MUTATIONS / 10  # few changes leave the smallest file readable


def check(data: Any, name: str) -> int:
    """Reads the data by its own format, and by the one that it now looks like.

    Returns how many of them gave turns.
    """
    document = Document(Path("x.json"), "", data)
    own = next(row for row in JSON_FORMATS if row.name == name.split(" | ")[0])
    n_readings = 0
    for file_format in {own, format_of(document)} - {None}:
        try:
            conversations = file_format.loader(document)
        except InputError:
            continue
        n_readings += 1
        for conversation in conversations:
            for turn in conversation.turns:
                valid_turn(turn)
                assert turn.text.strip() or turn.tool_calls or turn.attachments, data
    return n_readings


def mutate(data: Any, rng: random.Random) -> None:
    """Drops, renames or replaces a value somewhere in the data."""
    containers = list(_containers(data))
    container = rng.choice(containers)
    key = rng.choice(list(container) if isinstance(container, dict) else range(len(container)))
    kind = rng.choice(["drop", "rename", "replace", "replace"])
    if kind == "replace":
        container[key] = copy.deepcopy(rng.choice(VALUES))
        return
    value = container.pop(key)
    if kind == "rename" and isinstance(container, dict):
        container[f"{key}2"] = value


def _containers(data: Any) -> list[Any]:
    """All objects and lists in the data that are not empty."""
    if not isinstance(data, dict | list) or not data:
        return [[0]]
    containers = [data]
    for value in data.values() if isinstance(data, dict) else data:
        if isinstance(value, dict | list) and value:
            containers += _containers(value)
    return containers
