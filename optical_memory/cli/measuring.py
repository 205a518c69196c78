"""Commands that measure: demo, eval fidelity, bench. Thin: what they do is in `demo`, `evaluation` and `benchmark`."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from optical_memory.cli.connection import AsJson, ReaderName, chosen
from optical_memory.cli.output import Run, maker, table
from optical_memory.loaders import Conversation, example, load
from optical_memory.progress import progress_bar
from optical_memory.readers import open_reader

if TYPE_CHECKING:
    from optical_memory.benchmark import BenchRow, Lab

__all__ = ["bench", "demo", "fidelity"]

COLUMNS = {
    "rung": "rung",
    "density_px2_per_char": "px²/char",
    "text_tokens": "text",
    "visual_tokens": "tokens",
    "compression": "ratio",
    "accuracy": "mean",
    "p5": "p5",
    "worst": "worst",
    "ids_exact": "ids",
    "certificate_error": "cert. error",
    "verified_share": "verified",
}
"""What of a `FidelityRow` is shown to people, under which heading; JSON has all."""


def demo(
    input: Annotated[Path | None, typer.Option(help="A conversation file; else the bundled conversation.")] = None,
    store: Annotated[str | None, typer.Option(help="A store to use; without it a private Valkey server.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report and the pictures go.")] = Path("demo-out"),
    conversation: Annotated[str, typer.Option(help="Which conversation of the file, from 1, or 'all'.")] = "1",
    pages: Annotated[int, typer.Option(min=1, help="Remember at most so many pages of a conversation.")] = 24,
    questions: Annotated[int, typer.Option(min=0, help="Ask at most so many questions.")] = 12,
    capacity: Annotated[int | None, typer.Option(min=1, help="Visual tokens to keep; else all rungs show.")] = None,
    floor: Annotated[float, typer.Option(min=0, max=1, help="Least agreement to fade to; 0 shows every rung.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Which facts are asked for, where no questions come with the file.")] = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """The whole road: remember a conversation, let it fade, ask it, restart the store, read again. Writes a report."""
    from optical_memory import demo as road
    from optical_memory.cli import demo_output
    from optical_memory.demo_questions import planted_questions

    opened = open_reader(reader)
    run = Run("demo", as_json, maker(opened), seed)
    settings = road.Settings(store, pages, questions, capacity, floor, seed)
    done = []
    for picked in _conversations(input, conversation):
        folder = out if conversation != "all" else out / demo_output.file_name(picked.id)
        with progress_bar(as_json) as progress:
            planted = planted_questions() if input is None else None
            done.append(road.run(picked, planted, opened, settings, progress))
        demo_output.write(done[-1], folder, run.reader or "")
        if not as_json:
            demo_output.show(done[-1], folder)
    rows = [row for one in done for row in demo_output.rows(one)]
    run.done(lambda console: None, rows, conversations=[demo_output.summary(one) for one in done], out=str(out))


def _conversations(input: Path | None, which: str) -> list[Conversation]:
    if input is None:
        return [example()]
    found = load(input)
    if which == "all":
        return found
    if not which.isdecimal():
        raise typer.BadParameter(f"{which!r} is neither a number nor 'all'", param_hint="--conversation")
    return [chosen(found, int(which), input.name)]


def fidelity(
    pages: Annotated[Path, typer.Option(help="JSON lines with 'text'; packed onto full pages one after the other.")],
    compression: Annotated[str, typer.Option(help="Text tokens a visual token: 5,10,20; else all rungs.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Measure so many pages, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Which pages --limit draws.")] = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """How faithfully a reader alone, without the ledger, reads text back from our pages."""
    from optical_memory import evaluation

    ratios = _ratios(compression)
    opened = open_reader(reader)
    run = Run("eval fidelity", as_json, maker(opened), seed)
    texts = evaluation.page_texts(pages)
    with progress_bar(as_json) as progress:
        bar = progress.add_task("Reading pages", total=None)

        def told(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        found = evaluation.fidelity(texts, opened, compressions=ratios, limit=limit, seed=seed, told=told)
    rows = [asdict(row) for row in found]
    one = found[0]
    title = f"{one.n_pages} full pages of {pages.name} (fill {one.fill:.0%}), read by {run.reader}, ledger not used"
    cells = [[_cell(name, row[name]) for name in COLUMNS] for row in rows]
    headings = list(COLUMNS.values())
    run.done(lambda out: out.print(table(title, headings, cells)), rows, pages=pages.name, codec="int8")


def _ratios(text: str) -> list[float]:
    try:
        ratios = [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no list of numbers", param_hint="--compression") from error
    if any(not 0 < ratio < 1_000 for ratio in ratios):
        raise typer.BadParameter("a compression is above 0 and below 1000", param_hint="--compression")
    return ratios


def _cell(name: str, value: Any) -> str:
    if not isinstance(value, float):
        return "–" if value is None else str(value)
    if name == "certificate_error":
        return f"{value:.4f}"
    return f"{value:.1f}" if name in ("density_px2_per_char", "text_tokens", "compression") else f"{value:.1%}"


def bench(
    only: Annotated[str | None, typer.Option(help="Just this one.")] = None,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Speed of each step beside the plain thing one would use instead."""
    from optical_memory import benchmark
    from optical_memory.readers.pocket import PocketReader

    names = list(benchmark.BENCHES)
    if only is not None and only not in names:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(names)}", param_hint="--only")
    opened = open_reader(reader)
    if not isinstance(opened, PocketReader):
        raise typer.BadParameter("only pocket can be benched", param_hint="--reader")
    run = Run("bench", as_json, maker(opened))
    with tempfile.TemporaryDirectory() as folder, progress_bar(as_json) as progress:
        found = _bench(benchmark.Lab(opened, Path(folder)), [only] if only else names, progress)
    told = [(f"{row.ours:.1f}", f"{row.baseline:.1f}", f"{row.ratio:.2f}") for row in found]
    cells = [[row.name, row.baseline_name, *numbers, row.unit] for row, numbers in zip(found, told, strict=True)]
    headings = ["name", "baseline", "ours", "baseline's", "ratio", "unit"]
    rows = [asdict(row) for row in found]
    run.done(lambda out: out.print(table("ratio > 1: ours is better", headings, cells, left=2)), rows)


def _bench(lab: Lab, names: list[str], progress: Progress) -> list[BenchRow]:
    from optical_memory.benchmark import BENCHES

    rows = []
    for name in progress.track(names, description="Timing"):
        rows += list(BENCHES[name](lab))
    lab.finish()
    return rows
