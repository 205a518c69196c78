"""How fast a large file of messages is loaded, beside Python's own JSON reader alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from optical_memory.loaders import load, load_file
from optical_memory.measure.bench.cpu_time import Times, old_objects_aside, time_in_turn
from optical_memory.measure.bench.setup import BenchInputs, BenchRow

__all__ = [
    "bench_load",
]

ROUNDS = 7

UNIT = "MB a second of CPU"


def bench_load(inputs: BenchInputs) -> Iterator[BenchRow]:
    """OpenAI messages from a JSON file, with the account of all words and without it.

    `json.loads` gives data, of which nobody has made turns.
    """
    path = inputs.folder / "messages.json"
    path.write_text(json.dumps(_messages(inputs)), encoding="utf-8")
    n_megabytes = path.stat().st_size / 1e6
    with old_objects_aside():
        time_in_turn((load, load_file, _json_data), [path])
        times, full_times, json_times = time_in_turn((load, load_file, _json_data), [path] * ROUNDS)
    title = f"{inputs.n_loaded_messages:,} messages"
    yield _rate_row(f"load {title}", times, json_times, n_megabytes)
    yield _rate_row(f"load_file {title}", full_times, json_times, n_megabytes)


def _messages(inputs: BenchInputs) -> list[dict[str, str]]:
    """The bundled conversation again and again; a number makes each text another."""
    messages: list[dict[str, str]] = []
    for n in range(inputs.n_loaded_messages):
        turn = inputs.turns[n % len(inputs.turns)]
        messages.append({"role": turn.role, "content": f"{n} {turn.text}"})
    return messages


def _json_data(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _rate_row(name: str, times: Times, json_times: Times, n_megabytes: float) -> BenchRow:
    rate = n_megabytes / float(np.median(times)) * 1_000
    json_rate = n_megabytes / float(np.median(json_times)) * 1_000
    return BenchRow(name, rate, json_rate, "json.loads", rate / json_rate, UNIT)
