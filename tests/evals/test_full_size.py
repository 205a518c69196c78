"""evals/full_size.py on a small random checkpoint: its rows, beside the stock class."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.readers.small_checkpoints import Stock

from optical_memory.readers.deepseek.families import V1

sys.path.append(str(Path(__file__).resolve().parents[2] / "evals"))
import full_size


def rows_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> list[dict[str, Any]]:
    monkeypatch.setattr(sys, "argv", ["full_size.py", *arguments, "--device", "cpu"])
    full_size.main()
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_encoding_and_decoding_have_a_row_for_each_batch(
    stock: dict[str, Stock], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(stock[V1.id][0])
    options = ["--rungs", "small,tiny", "--batch", "1,3", "--new", "4", "--runs", "1"]
    rows = rows_of(monkeypatch, capsys, "measure", folder, *options)
    assert [row["name"] for row in rows] == [
        "encode small, 1 at once",
        "encode small, 3 at once",
        "encode tiny, 1 at once",
        "encode tiny, 3 at once",
        "decode tiny, 1 at once",
        "decode tiny, 3 at once",
    ]
    assert all(row["ours"] > 0 and row["baseline"] > 0 for row in rows)
    assert all(row["ratio"] == row["ours"] / row["baseline"] for row in rows)


def test_a_reader_takes_more_memory_than_nothing(
    stock: dict[str, Stock], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--part", "reader", "--rungs", "tiny", "--batch", "2", "--new", "3"]
    (row,) = rows_of(monkeypatch, capsys, "memory", str(stock[V1.id][0]), *options)
    assert row["name"] == "memory of a reader, 2 at once"
    assert row["peak_gib"] > row["private_gib"] > 0


def test_the_text_from_cached_tokens_is_that_of_the_stock_class(
    stock: dict[str, Stock], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rungs", "tiny", "--new", "30", "--dtype", "float32"]
    (row,) = rows_of(monkeypatch, capsys, "same", str(stock[V1.id][0]), *options)
    assert row["is_same"]
    assert row["same_chars"] == row["chars"] > 30


def test_pages_differ() -> None:
    """Pages that are all the same would ask the decoder for fewer experts."""
    pictures = full_size.pages(V1.rung("tiny"), 3)
    assert len({picture.tobytes() for picture in pictures}) == 3
