"""The commands of `eval`: how faithfully a reader reads text, and random identifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from optical_memory import tokens
from optical_memory.cli.options import AsJson, CodecName, ReaderName
from optical_memory.cli.output import Run, reader_name, table
from optical_memory.cli.progress import progress_bars
from optical_memory.readers import open_reader

__all__ = [
    "fidelity",
    "identifiers",
]

READING_COLUMNS = {
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
"""The fields of a `FidelityRow` that people see, and their headings; JSON has all fields."""

LEDGER_COLUMNS = {
    "source": "source",
    "rung": "rung",
    "compression_with_ledger": "ratio",
    "visual_tokens": "tokens",
    "n_ledger_tokens": "ledger",
    "n_unreadable_tokens": "unreadable",
    "ids_exact_with_ledger": "ids",
    "silent_errors": "silent errors",
}
"""The third table: what the ledger costs, and what a reading is with it."""

TRUST_COLUMNS = {
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
"""The second table of `FidelityRow`s: the pages, and how far the confidence can be trusted."""

IDENTIFIER_COLUMNS = {
    "kind": "kind",
    "rung": "rung",
    "compression": "ratio",
    "n": "n",
    "n_pages": "pages",
    "exact": "exact",
    "chars_right": "characters",
    "silent_errors": "silent errors",
}
"""The fields of an `IdentifierRow` that people see."""

FORMATS = {
    "certificate_error": ".4f",
    "ece": ".4f",
    "density_px2_per_char": ".1f",
    "text_tokens": ".1f",
    "n_ledger_tokens": ".1f",
    "n_unreadable_tokens": ".1f",
    "compression_with_ledger": ".1f",
    "compression": ".1f",
    "fill": ".0%",
}
"""How a number of a field is printed; the others are shares with two decimals."""


# ---- eval fidelity -------------------------------------------------------------------------------


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
    codec: Annotated[CodecName, typer.Option(help="How tokens are stored.")] = "int8",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """How faithfully a reader alone reads text back from our pages, and what the ledger adds."""
    from optical_memory.measure.fidelity import measure_fidelity
    from optical_memory.measure.page_pool import merge, read_source

    compressions = _compressions(compression)
    page_reader = open_reader(reader)
    run = Run("eval fidelity", as_json, reader_name(page_reader), seed)
    files = _files_by_name(pages)
    sources = [read_source(file, name) for name, file in files.items()]
    with progress_bars(as_json) as progress:
        results = measure_fidelity(
            sources if by_file else [merge(sources)],
            page_reader,
            compressions=compressions,
            at_least=pages_at_least,
            limit=limit,
            seed=seed,
            codec=tokens.codec(codec),
            progress=progress,
        )
    rows = [asdict(row) for row in results]
    title = f"Full pages of {', '.join(files)}, read by {run.reader} alone"
    run.finish(
        lambda out: _show_fidelity(out, title, rows, by_file), rows, pages=list(files), codec=codec
    )


def _files_by_name(files: Sequence[Path]) -> dict[str, Path]:
    """The files by their names, or by their paths if two have the same name."""
    different = list(dict.fromkeys(files))
    by_name = {file.name: file for file in different}
    return by_name if len(by_name) == len(different) else {str(file): file for file in different}


def _compressions(text: str) -> list[float]:
    try:
        compressions = [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no list of numbers", param_hint="--compression"
        ) from error
    if any(not 0 < compression < 1_000 for compression in compressions):
        raise typer.BadParameter(
            "a compression is above 0 and below 1000", param_hint="--compression"
        )
    return compressions


def _show_fidelity(
    out: Console, title: str, rows: Sequence[Mapping[str, Any]], by_file: bool
) -> None:
    trust_title = "The pages, and how far the confidence is to be trusted"
    tables = {
        title: READING_COLUMNS,
        trust_title: TRUST_COLUMNS,
        "With the ledger put over the reading": LEDGER_COLUMNS,
    }
    for heading, columns in tables.items():
        names = [name for name in columns if by_file or name != "source"]
        out.print(_table(heading, {name: columns[name] for name in names}, rows))


# ---- eval identifiers ----------------------------------------------------------------------------


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
    from optical_memory.measure.identifiers import IDENTIFIER_KINDS, measure_identifiers

    names = _kinds(kinds, list(IDENTIFIER_KINDS))
    page_reader = open_reader(reader)
    run = Run("eval identifiers", as_json, reader_name(page_reader), seed)
    with progress_bars(as_json) as progress:
        results = measure_identifiers(
            page_reader, kinds=names, n=n, compression=compression, seed=seed, progress=progress
        )
    rows = [asdict(row) for row in results]
    title = f"Random identifiers among prose, read by {run.reader}, ledger not used"
    run.finish(lambda out: out.print(_table(title, IDENTIFIER_COLUMNS, rows)), rows, codec="int8")


def _kinds(text: str, names: Sequence[str]) -> list[str]:
    """The kinds in a list with commas, all if it is empty."""
    kinds = list(dict.fromkeys(kind.strip() for kind in text.split(",") if kind.strip()))
    for kind in kinds:
        if kind not in names:
            raise typer.BadParameter(
                f"{kind!r} is none of {', '.join(names)}", param_hint="--kinds"
            )
    return kinds or list(names)


# ---- tables --------------------------------------------------------------------------------------


def _table(title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Table:
    cells = [[_cell(name, row[name]) for name in columns] for row in rows]
    return table(title, list(columns.values()), cells, n_words=2 if "source" in columns else 1)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    return format(value, FORMATS.get(name, ".2%")) if isinstance(value, float) else str(value)
