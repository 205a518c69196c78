"""evals/certified_readings.py, and the kinds of text that a certificate must say the truth of."""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from optical_memory import ForgettingPolicy, Turn
from optical_memory.loaders import example
from optical_memory.measure.watched_reader import WatchedReader
from optical_memory.readers import open_reader

sys.path.append(str(Path(__file__).resolve().parents[2] / "evals"))
from certified_readings import PageCounts, measure
from stretches import stretches

RUNGS = ["base", "small", "tiny"]

ODD_TEXTS = {
    "code in right-to-left text": "הרץ pip install flask ואז בדוק 12 בדיקות (src, a.py): קוד 9!",
    "digits in Chinese text": "第 8 节 q 值大于 3%，m 为 5。改到 9 月 4 日，密码第 2 位是 6，Q。",
    "a listing with tabs": "\n".join(
        f"    {i}→{indent}{line}"
        for i, (indent, line) in enumerate(
            [("\t", "}"), ("\t\t", "return err"), ("\t\t\t", "names = append(names, n)")] * 9, 1
        )
    ),
    "control characters": "x\x00y and \x1b[1mbold\x1b[0m, the code is 63 \x00 end",
    "keycaps": "Dial 4\u20e3 for help, 9\u20e3 to stop; then Q\u20dd.",
    "lines that are all the same": "waiting 10 s\n" * 30,
}


def odd_turns() -> list[Turn]:
    """Two pages of plain talk, and all odd texts among it."""
    talk = list(example().turns[:60])
    for i, text in enumerate(ODD_TEXTS.values()):
        talk.insert(5 * i + 5, Turn("tool" if "\n" in text else "user", text))
    return talk


@pytest.fixture(scope="module")
def reader() -> WatchedReader:
    return WatchedReader(open_reader("pocket"))


def counts_by_rung(
    folder: Path, turns: Sequence[Turn], reader: WatchedReader, policy: ForgettingPolicy
) -> dict[str, PageCounts]:
    counts: dict[str, PageCounts] = defaultdict(PageCounts)
    for rung, page_counts in measure(folder, turns, reader, policy, True, random.Random(1)):
        counts[rung].add(page_counts)
    return counts


def test_recall_reads_odd_pages_as_their_certificates_say_and_shows_no_error_as_sure(
    reader: WatchedReader, tmp_path: Path
) -> None:
    counts = counts_by_rung(tmp_path, odd_turns(), reader, ForgettingPolicy())
    assert list(counts) == RUNGS
    for rung in RUNGS:
        page = counts[rung]
        assert page.n_pages >= 1
        assert page.difference <= 0.001 * page.n_pages
        assert page.n_below == 0
        assert (page.n_sure_listed, page.n_sure_unlisted) == (0, 0)
        assert page.n_wrong <= 4  # in the page's own marks, which no ledger keeps; not as sure
        assert page.n_verified >= page.n_chars - 8
    texts = "\n".join(page.text for page in reader.pages.values())
    assert all(line in texts for text in ODD_TEXTS.values() for line in text.splitlines()[:1])


def test_stretches_take_every_conversation_in_turn_and_cut_long_turns(tmp_path: Path) -> None:
    for name, n_turns in (("a.json", 3), ("b.json", 30)):
        rows = [{"role": "user", "content": f"{name} {i} " + "so " * 50} for i in range(n_turns)]
        (tmp_path / name).write_text(json.dumps(rows))
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    drawn = list(islice(stretches(files, 400, random.Random(2)), 4))
    assert [kind for kind, _ in drawn] == ["a", "b", "a", "b"]
    for kind, turns in drawn:
        assert all(turn.text.startswith(f"{kind}.json") for turn in turns[:-1])
        assert 300 <= sum(len(turn.text) for turn in turns) <= 400
