"""What the commands of `eval` about finding share: their options, inputs, methods and tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from optical_memory.cli.output import Run, reader_name, table
from optical_memory.cli.progress import progress_bars
from optical_memory.errors import InputError
from optical_memory.readers.base import Reader
from optical_memory.stores.private_files import private_folder
from optical_memory.stores.watchdog import temporary_folder

if TYPE_CHECKING:
    from optical_memory.measure.finding.baselines import MakeMethod
    from optical_memory.measure.finding.question_sets import QuestionSet
    from optical_memory.measure.finding.window import Method
    from optical_memory.search.meaning import Semantic

__all__ = [
    "BaselineNames",
    "ByKind",
    "Evaluation",
    "HasText",
    "InputFiles",
    "KeepFolder",
    "Limit",
    "Ours",
    "PlotFile",
    "Seed",
    "SemanticChoice",
    "Setting",
    "choose_baselines",
    "kept_folder",
    "numbers",
    "semantic_settings",
    "show_rows",
    "write_plot",
]

InputFiles = Annotated[
    list[Path],
    typer.Option(
        help="LoCoMo, LongMemEval, MemoryBank or tau-bench, or BEAM's chat.json or its folder; "
        "may be repeated."
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Ask at most so many questions of a conversation.")
]
BaselineNames = Annotated[
    str, typer.Option(help="Some of the baselines, with commas; 'none' for none.")
]
ByKind = Annotated[bool, typer.Option("--by-kind", help="Rows for each kind of question too.")]
HasText = Annotated[
    bool, typer.Option("--text", help="Leave the pages' text in hand: quick, nothing is certified.")
]
KeepFolder = Annotated[
    Path | None,
    typer.Option(help="A folder that keeps the memories, so that pages are certified once."),
]
Ours = Annotated[bool, typer.Option(help="Ask our memory too, or the baselines alone.")]
SemanticChoice = Annotated[
    Literal["off", "on", "both"],
    typer.Option(help="Our memory finds by words alone, by meaning too, or both in turn."),
]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")]
PlotFile = Annotated[Path | None, typer.Option(help="Draw the figure to this SVG file.")]


def numbers(text: str, option: str) -> list[float]:
    """The numbers in a list with commas. Raises `typer.BadParameter` if one is no number."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no list of numbers", param_hint=option) from error


def write_plot(path: Path, drawing: str) -> None:
    """Write a figure. Raises `InputError` if it cannot be written."""
    try:
        path.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Setting:
    """Which methods are asked: baselines by their names, and our memory.

    The memory reads pictures, or has text in hand; the folder `keep` keeps it. `semantic` says
    whether it finds by meaning, `margins` how far below the best a passage may score (None: as far
    as is usual).
    """

    baselines: str
    has_ours: bool
    has_text: bool
    keep: Path | None
    semantic: Literal["off", "on", "both"] = "off"
    margins: tuple[float | None, ...] = (math.inf,)


class Evaluation:
    """A command at work on conversations with questions; `sets` are its conversations.

    Raises `InputError` if a file is of no known kind, or no question can be asked.
    """

    def __init__(
        self, command: str, files: Sequence[Path], reader: Reader, as_json: bool, seed: int
    ) -> None:
        self._run = Run(command, as_json, reader_name(reader), seed)
        self._reader = reader
        self._files = files
        self._notes: dict[str, Any] = {}
        self._rungs: dict[str, dict[str, float]] = {}
        self.sets = _question_sets(files)

    def methods(self, setting: Setting) -> Iterator[tuple[QuestionSet, Method]]:
        """Each conversation with each method, ready to be asked until the next is taken."""
        from optical_memory.measure.finding.methods import methods_for
        from optical_memory.measure.finding.product import OpticalMemoryMethod, Product, rung_shares

        baselines, reasons = choose_baselines(setting.baselines)
        settings, reason = semantic_settings(setting.semantic)
        reasons |= reason
        self._notes = {"pages": "text" if setting.has_text else "pictures", "skipped": reasons}
        with progress_bars(self._run.as_json) as progress, kept_folder(setting.keep) as folder:
            product = Product(folder, self._reader, setting.has_text)
            for number, questions in enumerate(self.sets):
                progress("Conversations", number, len(self.sets))
                conversation = questions.conversation
                ours = product if setting.has_ours and settings else None
                for method in methods_for(
                    conversation, ours, baselines, progress, settings, setting.margins
                ):
                    yield questions, method
                    if isinstance(method, OpticalMemoryMethod):
                        self._rungs[conversation.id] = rung_shares(method.memory)
            progress("Conversations", len(self.sets), len(self.sets))

    def finish(
        self, title: str, columns: Mapping[str, str], rows: Sequence[dict[str, Any]]
    ) -> None:
        """Print the rows, and what was left out."""
        files = [file.name for file in self._files]
        n_left_out = _n_left_out(self.sets)
        notes = {
            "Questions left out": n_left_out,
            "Methods left out": self._notes["skipped"],
            "Share of the pages at each rung": _mean_shares(self._rungs),
        }
        self._run.finish(
            lambda out: show_rows(out, f"{title}: {', '.join(files)}", columns, rows, notes),
            rows,
            input=files,
            n_left_out=n_left_out,
            rungs=self._rungs,
            **self._notes,
        )


def _question_sets(files: Sequence[Path]) -> list[QuestionSet]:
    """The conversations of all files. Raises `InputError` if there is no question to ask."""
    from optical_memory.measure.finding.question_sets import read_question_sets

    sets: list[QuestionSet] = []
    for file in files:
        sets += read_question_sets(file)
    if not any(questions.questions for questions in sets):
        raise InputError("no question in these files has evidence that can be judged")
    return sets


def _n_left_out(sets: Sequence[QuestionSet]) -> dict[str, int]:
    """How many questions were left out, by the reason."""
    counts: Counter[str] = Counter()
    for questions in sets:
        counts.update(questions.n_left_out)
    return dict(sorted(counts.items()))


def choose_baselines(text: str) -> tuple[dict[str, MakeMethod], dict[str, str]]:
    """The baselines that are named, and the reasons why some of them cannot be built here."""
    from optical_memory.measure.finding.baselines import BASELINES
    from optical_memory.measure.finding.methods import missing_baselines

    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if names == ["all"]:
        names = list(BASELINES)
    if names == ["none"]:
        names = []
    for name in names:
        if name not in BASELINES:
            raise typer.BadParameter(
                f"{name!r} is none of {', '.join(BASELINES)}", param_hint="--baseline"
            )
    baselines = {name: BASELINES[name] for name in names}
    reasons = missing_baselines(baselines)
    return {name: make for name, make in baselines.items() if name not in reasons}, reasons


def semantic_settings(
    choice: Literal["off", "on", "both"],
) -> tuple[list[Semantic], dict[str, str]]:
    """The settings of our memory, and why finding by meaning is left out, if it is."""
    from optical_memory.measure.finding.product import WORDS_AND_MEANING
    from optical_memory.search.meaning import open_embedder

    settings: list[Semantic] = [] if choice == "on" else [None]
    if choice == "off":
        return settings, {}
    if open_embedder("auto") is None:
        return settings, {WORDS_AND_MEANING: "needs the extra 'semantic'"}
    return [*settings, "auto"], {}


@contextmanager
def kept_folder(path: Path | None) -> Iterator[Path]:
    """The folder that keeps the memories, else one that is removed at the end."""
    if path is not None:
        private_folder(path)
        yield path
        return
    with temporary_folder("optical-eval-") as folder:
        yield folder


def _mean_shares(rungs: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """The share of each form, the mean of all conversations, in words."""
    totals: Counter[str] = Counter()
    for shares in rungs.values():
        totals.update(shares)
    return {form: f"{total / len(rungs):.0%}" for form, total in sorted(totals.items())}


def show_rows(
    out: Console,
    title: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    notes: Mapping[str, Mapping[str, object]],
) -> None:
    """A table of the rows, and a line for each note that says something."""
    cells = [[_cell(name, row) for name in columns] for row in rows]
    out.print(table(title, list(columns.values()), cells, n_words=2))
    for heading, items in notes.items():
        if items:
            out.print(f"{heading}: " + ", ".join(f"{key} {value}" for key, value in items.items()))


def _cell(name: str, row: Mapping[str, Any]) -> str:
    if name == "budget":
        share = row["budget_share"]
        return f"{row['budget_tokens']:,}" if share is None else f"{share:.0%}"
    value = row[name]
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1f}" if name.startswith("cpu_ms") else _decimals(value)


def _decimals(value: float) -> str:
    """A share with three decimals; a larger number, such as tokens, without any."""
    return f"{value:.3f}" if value <= 1 else f"{value:,.0f}"
