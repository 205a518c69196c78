"""Makes the tables and the figure of `results/` from what the commands of `eval` printed there.

    python evals/results.py             # writes results/README.md, results/evidence.svg, README.md
    python evals/results.py --check     # exit 1 if any of them says something else

Each file of `results/` with the ending .json is the output of a command with `--json`. The text
between two marks, `<!-- table NAME -->` and `<!-- end -->`, is made of them; all else is written by
hand. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optical_memory.measure.finding.evidence import EvidenceRow
from optical_memory.measure.finding.plots import evidence_plot
from optical_memory.measure.forgetting.plot import forgetting_plot
from optical_memory.measure.forgetting.rows import ForgettingRow

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
FIGURES = {"evidence.svg": "evidence-locomo.json", "forgetting.svg": "forgetting.json"}
"""Figures of `results/`, each with the output of a command of `eval` that it shows."""

PAGES_WITH_TABLES = (RESULTS / "README.md", ROOT / "README.md")

Row = Mapping[str, Any]

_TABLE = re.compile(r"(<!-- table (?P<name>[\w.-]+) -->\n)(?P<text>.*?)(<!-- end -->)", re.DOTALL)


# ---- tables --------------------------------------------------------------------------------------


def load(name: str) -> dict[str, Any]:
    """The output of a command: `results/NAME.json`."""
    data: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def evidence_table(name: str, fields: tuple[str, str] = ("any", "all")) -> str:
    """A line for each method, a column for each budget: two shares, and the tokens they took."""
    rows = [row for row in load(name)["rows"] if row["kind"] == "all"]
    budgets = list(dict.fromkeys((row["budget_share"], row["budget_tokens"]) for row in rows))
    cells = {(row["method"], row["budget_share"], row["budget_tokens"]): row for row in rows}
    head = ["method", *(_budget(share, tokens) for share, tokens in budgets)]
    lines: list[list[str]] = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [cells[method, share, tokens] for share, tokens in budgets]
        lines.append([method, *(_evidence_cell(row, fields) for row in own)])
    return _markdown(head, lines)


def touched_table(name: str) -> str:
    """The same, for evidence of which a piece is there."""
    return evidence_table(name, ("touched", "all_touched"))


def _budget(share: float | None, tokens: int | None) -> str:
    return f"{tokens:,} tokens" if share is None else f"{share:.0%}"


def _evidence_cell(row: Row, fields: tuple[str, str]) -> str:
    shares = " / ".join(_share(row[field]) for field in fields)
    return f"{shares} ({row['window_tokens']:,.0f})"


def retrieval_table(name: str) -> str:
    """A line for each unit and method."""
    fields = ("hit@1", "hit@5", "hit@10", "all@5", "mrr")
    rows = [row for row in load(name)["rows"] if row["kind"] == "all"]
    lines = [[row["unit"], row["method"], *(_share(row[f]) for f in fields)] for row in rows]
    return _markdown(["unit", "method", *fields], lines, n_words=2)


def needle_table(name: str) -> str:
    """A line for each length, wording and method."""
    rows = [row for row in load(name)["rows"] if _is_whole(row)]
    rows.sort(key=lambda row: (row["history_tokens"], row["wording"] != "own words"))
    return _needle_lines(rows, "method")


def needle_rung_table(name: str) -> str:
    """Our needles by the rung that they are read from."""
    data = load(name)["rows"]
    method = data[0]["method"]
    rows = [row for row in data if row["method"] == method and row["rung"] != "all"]
    rows.sort(key=lambda row: (row["history_tokens"], row["wording"] != "own words", row["rung"]))
    return _needle_lines(rows, "rung")


def _is_whole(row: Row) -> bool:
    return all(row[field] == "all" for field in ("kind", "rung", "depth"))


def _needle_lines(rows: Sequence[Row], field: str) -> str:
    shares = ("found_at_1", "in_context", "exact", "verified_share")
    head = ["history", "asked in", field, "n", "window", "found@1", "in context", "exact"]
    lines: list[list[str]] = []
    for row in rows:
        start = [f"{row['history_tokens']:,}", row["wording"], row[field]]
        numbers = [str(row["n"]), f"{row['window_tokens']:,.0f}"]
        ends = [*(_share(row[name]) for name in shares), str(row["n_silent_errors"])]
        lines.append([*start, *numbers, *ends])
    return _markdown([*head, "verified", "silent errors"], lines, n_words=3)


def forgetting_table(name: str) -> str:
    """A line for each source and method, a column for each size."""
    rows = [row for row in load(name)["rows"] if row["age"] == row["form"] == "all"]
    sizes = list(dict.fromkeys(row["size_share"] for row in rows))
    cells = {(row["source"], row["method"], row["size_share"]): row for row in rows}
    lines: list[list[str]] = []
    for source, method in dict.fromkeys((row["source"], row["method"]) for row in rows):
        own = [cells.get((source, method, size)) for size in sizes]
        lines.append([source, method, *(_forgetting_cell(row) for row in own)])
    head = ["no capacity" if size is None else f"{size:.0%}" for size in sizes]
    return _markdown(["facts", "method", *head], lines, n_words=2)


def _forgetting_cell(row: Row | None) -> str:
    if row is None:
        return ""
    low, high = row["ci95"]["false_forgetting"]
    interval = f"{_share(low)} to {_share(high)}"
    return f"{_share(row['false_forgetting'])} ({interval}) / {_share(row['false_memory'])}"


def _share(value: float) -> str:
    """A share with three decimals, without the zero before the point."""
    return f"{value:.3f}" if value >= 1 else f"{value:.3f}".removeprefix("0")


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]], n_words: int = 1) -> str:
    marks = ["---" if i < n_words else "--:" for i in range(len(head))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, marks, *lines))


TABLES: Mapping[str, Callable[[str], str]] = {
    "evidence": evidence_table,
    "touched": touched_table,
    "retrieval": retrieval_table,
    "needles": needle_table,
    "needle-rungs": needle_rung_table,
    "forgetting": forgetting_table,
}
"""The tables by the first word of their name; the rest of it names the file."""


def table(name: str) -> str:
    """The table of a mark, such as `evidence.evidence-locomo`; a line if it was not measured."""
    kind, _, file = name.partition(".")
    if not (RESULTS / f"{file}.json").exists():
        return f"({file}.json is not there: not measured yet)\n"
    return TABLES[kind](file)


# ---- pages ---------------------------------------------------------------------------------------


def filled(page: str) -> str:
    """The page with its tables made again."""
    return _TABLE.sub(lambda match: f"{match[1]}{table(match['name'])}{match[4]}", page)


def figure(name: str) -> str:
    """The figure that is `results/NAME`."""
    rows = load(FIGURES[name].removesuffix(".json"))["rows"]
    if name == "forgetting.svg":
        return forgetting_plot([ForgettingRow(**row) for row in rows])
    known = EvidenceRow.__dataclass_fields__
    return evidence_plot([EvidenceRow(**{k: row[k] for k in known}) for row in rows])


def made_files() -> dict[Path, str]:
    """Each file that is made from the outputs, with the text that it must have."""
    files: dict[Path, str] = {}
    for path in PAGES_WITH_TABLES:
        files[path] = filled(path.read_text(encoding="utf-8"))
    for name, source in FIGURES.items():
        if (RESULTS / source).exists():
            files[RESULTS / name] = figure(name)
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, tell what differs")
    arguments = parser.parse_args()
    different = [
        path
        for path, text in made_files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in different:
        print(f"{path.relative_to(ROOT)} {'differs' if arguments.check else 'written'}")
        if not arguments.check:
            path.write_text(made_files()[path], encoding="utf-8")
    return 1 if arguments.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
