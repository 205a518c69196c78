"""Commands that measure: demo, eval and bench. Thin: what they do is in modules of that name, and
in `identifiers`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from optical_memory import tokens
from optical_memory.cli.options import AsJson, ReaderName, chosen
from optical_memory.cli.output import Run, maker, table
from optical_memory.cli.progress import progress_bar
from optical_memory.loaders import Conversation, example, load
from optical_memory.readers import open_reader
from optical_memory.tokens import TokenCodec

if TYPE_CHECKING:
    from optical_memory.measure.benchmark import BenchRow, Lab

__all__ = ["bench", "demo", "fidelity", "identifiers"]

COLUMNS = {
    "source": "source",
    "rung": "rung",
    "n_pages": "pages",
    "text_tokens": "text",
    "visual_tokens": "tokens",
    "compression": "ratio",
    "accuracy": "mean",
    "p5": "p5",
    "worst": "worst",
    "ids_exact": "ids",
    "certificate_error": "cert. error",
}
"""What of a `FidelityRow` is shown to people, under which heading; JSON has all."""

TRUST = {
    "source": "source",
    "rung": "rung",
    "compression": "ratio",
    "fill": "fill",
    "density_px2_per_char": "px²/char",
    "n_repacked": "repacked",
    "verified_share": "verified",
    "ece": "ece",
    "sure_share": "sure",
    "sure_accuracy": "right if sure",
}
"""The second table of `FidelityRow`s: the pages, and whether the reader is right as often as it
says.
"""

IDENTIFIERS = {
    "kind": "kind",
    "rung": "rung",
    "compression": "ratio",
    "n": "n",
    "n_pages": "pages",
    "exact": "exact",
    "chars_right": "characters",
    "silent_errors": "silent errors",
}
"""What of an `IdentifierRow` is shown to people."""


def demo(
    input: Annotated[
        Path | None, typer.Option(help="A conversation file; else the bundled conversation.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="A store to use; without it a private Valkey server.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the report and the pictures go.")] = Path(
        "demo-out"
    ),
    conversation: Annotated[
        str, typer.Option(help="Which conversation of the file, from 1, or 'all'.")
    ] = "1",
    pages: Annotated[
        int, typer.Option(min=1, help="Remember at most so many pages of a conversation.")
    ] = 24,
    questions: Annotated[int, typer.Option(min=0, help="Ask at most so many questions.")] = 12,
    capacity: Annotated[
        int | None, typer.Option(min=1, help="Visual tokens to keep; else all rungs show.")
    ] = None,
    floor: Annotated[
        float, typer.Option(min=0, max=1, help="Least agreement to fade to; 0 shows every rung.")
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(help="Which facts are asked for, where no questions come with the file.")
    ] = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """The whole road: remember a conversation, let it fade, ask it, restart the store, read again.
    Writes a report.
    """
    from optical_memory.cli import demo_output
    from optical_memory.measure import demo as road
    from optical_memory.measure.questions import planted_questions

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
    run.done(
        lambda console: None,
        rows,
        conversations=[demo_output.summary(one) for one in done],
        out=str(out),
    )


def _conversations(input: Path | None, which: str) -> list[Conversation]:
    if input is None:
        return [example()]
    found = load(input)
    if which == "all":
        return found
    if not which.isdecimal():
        raise typer.BadParameter(
            f"{which!r} is neither a number nor 'all'", param_hint="--conversation"
        )
    return [chosen(found, int(which), input.name)]


def fidelity(
    pages: Annotated[
        list[Path], typer.Option(help="JSON lines with 'text', or conversations; may be repeated.")
    ],
    compression: Annotated[
        str, typer.Option(help="Text tokens a visual token: 5,10,20; else all rungs.")
    ] = "",
    pages_at_least: Annotated[
        int, typer.Option(min=0, help="Pack the texts again until so many pages are full.")
    ] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Measure so many pages, drawn at random.")
    ] = None,
    by_file: Annotated[
        bool, typer.Option("--by-file", help="Rows for each file too; it has pages of its own.")
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Which pages are drawn, and how they are packed again.")
    ] = 0,
    codec: Annotated[str, typer.Option(help="How tokens are stored: int8, f16 or int4.")] = "int8",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """How faithfully a reader alone, without the ledger, reads text back from our pages."""
    from optical_memory.measure import fidelity as evaluation
    from optical_memory.measure import page_pool as page_sources

    ratios, kept = _ratios(compression), _codec(codec)
    opened = open_reader(reader)
    run = Run("eval fidelity", as_json, maker(opened), seed)
    files = list(dict.fromkeys(pages))
    names = [file.name for file in files]
    names = names if len(set(names)) == len(names) else list(map(str, files))
    sources = [
        page_sources.read_source(file, name) for file, name in zip(files, names, strict=True)
    ]
    sources = sources if by_file else [page_sources.merged(sources)]
    with progress_bar(as_json) as progress:
        wanted: dict[str, Any] = {
            "at_least": pages_at_least,
            "limit": limit,
            "seed": seed,
            "codec": kept,
        }
        found = evaluation.fidelity(
            sources, opened, compressions=ratios, told=_bar(progress, "Reading pages"), **wanted
        )
    rows = [asdict(row) for row in found]
    title = f"Full pages of {', '.join(names)}, read by {run.reader}, ledger not used"
    left_out = () if by_file else ("source",)

    def show(out: Console) -> None:
        out.print(_table(title, COLUMNS, rows, left_out))
        out.print(
            _table("The pages, and how far the confidence is to be trusted", TRUST, rows, left_out)
        )

    run.done(show, rows, pages=names, codec=codec)


def identifiers(
    n: Annotated[int, typer.Option(min=1, help="Identifiers of each kind.")] = 300,
    compression: Annotated[
        float, typer.Option(min=0.1, max=1_000, help="Text tokens a visual token.")
    ] = 10.0,
    kinds: Annotated[str, typer.Option(help="Some of number7,hex8,base62,uuid; else all.")] = "",
    seed: Annotated[int, typer.Option(help="Which identifiers.")] = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Whether a reader alone, without the ledger, reads random identifiers among prose exactly."""
    from optical_memory.measure import identifiers as measure

    asked = list(dict.fromkeys(kind.strip() for kind in kinds.split(",") if kind.strip())) or list(
        measure.KINDS
    )
    if wrong := [kind for kind in asked if kind not in measure.KINDS]:
        raise typer.BadParameter(
            f"{wrong[0]!r} is none of {', '.join(measure.KINDS)}", param_hint="--kinds"
        )
    opened = open_reader(reader)
    run = Run("eval identifiers", as_json, maker(opened), seed)
    with progress_bar(as_json) as progress:
        told = _bar(progress, "Reading pages")
        found = measure.identifiers(
            opened, kinds=asked, n=n, compression=compression, seed=seed, told=told
        )
    rows = [asdict(row) for row in found]
    title = f"Random identifiers among prose, read by {run.reader}, ledger not used"
    run.done(lambda out: out.print(_table(title, IDENTIFIERS, rows)), rows, codec="int8")


def _bar(progress: Progress, what: str) -> Callable[[int, int], None]:
    bar = progress.add_task(what, total=None)
    return lambda done, total: progress.update(bar, completed=done, total=total)


def _table(
    title: str, columns: dict[str, str], rows: list[dict[str, Any]], left_out: Sequence[str] = ()
) -> Table:
    names = [name for name in columns if name not in left_out]
    cells = [[_cell(name, row[name]) for name in names] for row in rows]
    return table(
        title, [columns[name] for name in names], cells, left=2 if "source" in names else 1
    )


def _codec(name: str) -> TokenCodec:
    try:
        return tokens.codec(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--codec") from error


def _ratios(text: str) -> list[float]:
    try:
        ratios = [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no list of numbers", param_hint="--compression"
        ) from error
    if any(not 0 < ratio < 1_000 for ratio in ratios):
        raise typer.BadParameter(
            "a compression is above 0 and below 1000", param_hint="--compression"
        )
    return ratios


def _cell(name: str, value: Any) -> str:
    if not isinstance(value, float):
        return "–" if value is None else str(value)
    if name in ("certificate_error", "ece"):
        return f"{value:.4f}"
    if name in ("density_px2_per_char", "text_tokens", "compression"):
        return f"{value:.1f}"
    return f"{value:.0%}" if name == "fill" else f"{value:.2%}"


def bench(
    only: Annotated[str | None, typer.Option(help="Just this one.")] = None,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Speed of each step beside the plain thing one would use instead."""
    from optical_memory.measure import benchmark
    from optical_memory.readers.pocket.reader import PocketReader

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
    cells = [
        [row.name, row.baseline_name, *numbers, row.unit]
        for row, numbers in zip(found, told, strict=True)
    ]
    headings = ["name", "baseline", "ours", "baseline's", "ratio", "unit"]
    rows = [asdict(row) for row in found]
    run.done(
        lambda out: out.print(table("ratio > 1: ours is better", headings, cells, left=2)), rows
    )


def _bench(lab: Lab, names: list[str], progress: Progress) -> list[BenchRow]:
    from optical_memory.measure.benchmark import BENCHES

    rows = []
    for name in progress.track(names, description="Timing"):
        rows += list(BENCHES[name](lab))
    lab.finish()
    return rows
