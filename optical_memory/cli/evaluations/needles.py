"""The command `eval needles`: planted facts, asked for in two ways, beside baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.evaluations import options as shared
from optical_memory.cli.options import AsJson, ReaderName
from optical_memory.cli.output import Run, reader_name
from optical_memory.cli.progress import progress_bars
from optical_memory.readers import open_reader

if TYPE_CHECKING:
    from optical_memory.measure.finding.baselines import MakeMethod
    from optical_memory.measure.finding.window import Method
    from optical_memory.measure.needles.histories import History
    from optical_memory.measure.needles.planted_memories import PlantedMemories
    from optical_memory.search.meaning import Semantic

__all__ = [
    "needles",
]

COLUMNS = {
    "method": "method",
    "wording": "asked in",
    "history_tokens": "history",
    "kind": "kind",
    "rung": "rung",
    "window_tokens": "window",
    "n": "n",
    "found_at_1": "found@1",
    "in_context": "in context",
    "exact": "exact",
    "n_silent_errors": "silent errors",
    "verified_share": "verified",
}
"""The fields of a `NeedleRow` that people see, and their headings; JSON has all fields."""


def needles(
    haystack: Annotated[
        list[Path], typer.Option(help="Any text or conversation, or BEAM's folder; repeatable.")
    ],
    history_tokens: Annotated[str, typer.Option(help="Lengths of the histories.")] = "4000,32000",
    kinds: Annotated[str, typer.Option(help="Some kinds with commas; else all.")] = "",
    budget_share: Annotated[
        float, typer.Option(min=0.001, max=1, help="The window as a share of the history.")
    ] = 0.10,
    n: Annotated[int, typer.Option(min=1, help="Needles of each length, at least.")] = 300,
    baseline: shared.BaselineNames = "newest,bm25,bm25-neighbours,dense",
    text: shared.HasText = False,
    ours: shared.Ours = True,
    semantic: shared.SemanticChoice = "both",
    keep: shared.KeepFolder = None,
    plot: shared.PlotFile = None,
    seed: shared.Seed = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Whether facts that are planted in real text are found, and read exactly."""
    from optical_memory.measure.needles.histories import make_histories, read_haystack
    from optical_memory.measure.needles.planted_memories import PlantedMemories
    from optical_memory.measure.needles.rows import needle_rows
    from optical_memory.measure.needles.trials import Trial, ask_needles

    lengths = _lengths(history_tokens)
    names = _kinds(kinds)
    page_reader = open_reader(reader)
    baselines, reasons = shared.choose_baselines(baseline)
    settings, semantic_reason = shared.semantic_settings(semantic)
    run = Run("eval needles", as_json, reader_name(page_reader), seed)
    turns = read_haystack(haystack)
    trials: list[Trial] = []
    with progress_bars(as_json) as progress, shared.kept_folder(keep) as folder:
        memories = PlantedMemories(folder, page_reader, text)
        contest = _Contest(memories, settings if ours else [], baselines)
        for length in lengths:
            histories = make_histories(turns, length, n, names, seed)
            for number, history in enumerate(histories):
                progress(f"Histories of {length} tokens", number, len(histories))
                for method in contest.methods(history, number):
                    trials += ask_needles(method, history, length, budget_share)
    if plot is not None:
        from optical_memory.measure.needles.heat_map import heat_map

        shared.write_plot(plot, heat_map(trials))
    rows = [asdict(row) for row in needle_rows(trials, seed)]
    files = [file.name for file in haystack]
    run.finish(
        lambda out: _show(out, files, rows, reasons | semantic_reason),
        rows,
        haystack=files,
        pages="text" if text else "pictures",
        skipped=reasons | semantic_reason,
    )


def _lengths(text: str) -> list[int]:
    """Numbers of tokens. Raises `typer.BadParameter` if one is too small to plant anything in."""
    lengths = shared.numbers(text, "--history-tokens")
    if not lengths or any(not length.is_integer() or length < 500 for length in lengths):
        raise typer.BadParameter(
            "lengths are whole numbers of at least 500 tokens", param_hint="--history-tokens"
        )
    return [int(length) for length in lengths]


def _kinds(text: str) -> list[str]:
    """The kinds in a list with commas, all if it is empty."""
    from optical_memory.measure.needles.kinds import KINDS

    kinds = list(dict.fromkeys(kind.strip() for kind in text.split(",") if kind.strip()))
    for kind in kinds:
        if kind not in KINDS:
            raise typer.BadParameter(
                f"{kind!r} is none of {', '.join(KINDS)}", param_hint="--kinds"
            )
    return kinds or list(KINDS)


@dataclass(frozen=True, slots=True)
class _Contest:
    """The methods: our memory with each setting of its `semantic`, and the baselines."""

    memories: PlantedMemories
    settings: Sequence[Semantic]
    baselines: Mapping[str, MakeMethod]

    def methods(self, history: History, number: int) -> Iterator[Method]:
        """Each method for a history, ready to be asked until the next is taken."""
        from optical_memory.measure.finding.product import OpticalMemoryMethod
        from optical_memory.measure.finding.transcript import Transcript

        # With meaning first: the turns get their vectors when they are remembered.
        for semantic in sorted(self.settings, key=lambda setting: setting is None):
            with self.memories.open(history, number, semantic) as memory:
                yield OpticalMemoryMethod(memory)
        transcript = Transcript(history.conversation.turns)
        for make in self.baselines.values():
            yield make(transcript)


def _show(
    out: Console,
    files: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    reasons: Mapping[str, str],
) -> None:
    """The rows of all needles, and ours by kind and by rung; those by depth are JSON's alone."""
    first_method = rows[0]["method"]  # ours, with meaning if it can be had
    shown = [
        row
        for row in rows
        if row["depth"] == "all"
        and (row["method"] == first_method or row["kind"] == row["rung"] == "all")
    ]
    notes = {"Baselines left out": reasons}
    shared.show_rows(out, f"Needles in {', '.join(files)}", COLUMNS, shown, notes)
