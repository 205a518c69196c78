"""Commands about readers: list them, and check that a checkpoint or a server is complete."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import AsJson, ReaderName
from optical_memory.cli.output import Run, printable, reader_name, table
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers import open_reader
from optical_memory.renderers.sans_grid import prose_chars

__all__ = [
    "app",
]

GIBIBYTE = 2**30

app = typer.Typer(
    help="The readers that --reader can open, and checks of them.", invoke_without_command=True
)


RUNG_HEADINGS = ["rung", "side px", "tokens", "px²/char, full", "published accuracy"]
HALF_HEADINGS = ["half", "M parameters", "numbers", "on", "needs GiB", "free GiB"]
CHECK_HEADINGS = ["rung", "px", "tokens", "of these stored"]


# ---- readers -------------------------------------------------------------------------------------


@app.callback()
def readers(context: typer.Context, reader: ReaderName = "pocket", as_json: AsJson = False) -> None:
    """The readers that --reader can open: their ladders with tokens, and the sizes of their
    checkpoints. Loads no weights.
    """
    if context.invoked_subcommand is not None:
        return
    run = Run("readers", as_json)
    rows = [_row(name) for name in dict.fromkeys(["pocket", reader])]
    run.finish(lambda out: _show_readers(out, rows), rows)


def _row(name: str) -> dict[str, Any]:
    page_reader = open_reader(name)
    profile = page_reader.profile
    return {
        "name": name,
        "reader": reader_name(page_reader),
        "dim": profile.dim,
        "grid": [profile.grid.columns, profile.grid.rows],
        "characters": None if profile.charset is None else len(profile.charset),
        "checkpoint_bytes": _checkpoint_bytes(getattr(page_reader, "folder", None)),
        "ladder": [_rung(rung, profile) for rung in profile.ladder],
    }


def _checkpoint_bytes(folder: Path | None) -> int:
    files = Path(folder).glob("*.safetensors") if folder else []
    return sum(file.stat().st_size for file in files)


def _rung(rung: Rung, profile: ReaderProfile) -> dict[str, Any]:
    """A rung, the density of a page full of prose at it, and the published accuracy there."""
    density = rung.side_px**2 / prose_chars(profile.grid)
    return {
        "rung": rung.name,
        "side_px": rung.side_px,
        "tokens": rung.n_tokens,
        "density_px2_per_char": density,
        "published_accuracy": profile.expected(density),
    }


def _show_readers(out: Console, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        columns, lines = row["grid"]
        title = (
            f"{row['name']} ({row['reader']}): {row['checkpoint_bytes'] / 1e6:.1f} MB, "
            f"{_characters(row['characters'])}, pages of {columns} x {lines} cells"
        )
        cells = [_rung_cells(rung) for rung in row["ladder"]]
        out.print(table(title, RUNG_HEADINGS, cells))


def _characters(n: int | None) -> str:
    return f"reads {n} characters" if n else "does not say what it reads"


def _rung_cells(rung: dict[str, Any]) -> list[object]:
    accuracy = rung["published_accuracy"]
    return [
        rung["rung"],
        rung["side_px"],
        rung["tokens"],
        f"{rung['density_px2_per_char']:.0f}",
        "–" if accuracy is None else f"{accuracy:.3f}",
    ]


# ---- readers check -------------------------------------------------------------------------------


@app.command()
def check(
    reader: ReaderName = "pocket",
    shapes: Annotated[
        Path | None, typer.Option(help="JSON: 'tensors' with their shapes, for weights.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The config.json that belongs to --shapes.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="The device that would run it: auto, cpu, cuda, mps.")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Check that a checkpoint has every key at its right shape, or that a server has all it needs.

    Reads no weights: a checkpoint is loaded on paper (the meta device), from a folder or from lists
    of shapes alone.
    """
    if (shapes is None) != (config is None):
        raise typer.BadParameter("--shapes and --config go together")
    from optical_memory.readers.check import check_paper, check_reader

    run = Run("readers check", as_json)
    if shapes is not None and config is not None:
        report = check_paper(shapes, config, device)
    else:
        report = check_reader(reader, device)
    fields = asdict(report)
    run.finish(lambda out: _show_check(out, fields), **fields)
    if report.problems:
        raise typer.Exit(1)


def _show_check(out: Console, fields: dict[str, Any]) -> None:
    out.print(printable(fields["what"]))
    if fields["missing"] is not None:
        names = ("missing", "unexpected", "mismatched")
        out.print(f"Keys: {', '.join(f'{fields[name]} {name}' for name in names)}.")
    halves = [_half_cells(half) for half in fields["halves"]]
    if halves:
        out.print(table("What loads", HALF_HEADINGS, halves))
    rungs = [_check_cells(rung) for rung in fields["rungs"]]
    if rungs:
        out.print(table("Its ladder", CHECK_HEADINGS, rungs))
    for server in fields["servers"]:
        facts = "  ".join(f"{name}: {value}" for name, value in server.items())
        out.print(printable(facts))
    _show_problems(out, fields["problems"])


def _half_cells(half: dict[str, Any]) -> list[str]:
    return [
        half["half"],
        f"{half['parameters'] / 1e6:.1f}",
        half["dtype"],
        half["device"],
        f"{half['bytes'] / GIBIBYTE:.2f}",
        f"{half['free'] / GIBIBYTE:.1f}",
    ]


def _check_cells(rung: dict[str, Any]) -> list[object]:
    size = f"{rung['width_px']} x {rung['height_px']}"
    return [rung["rung"], size, rung["tokens"], rung["stored"]]


def _show_problems(out: Console, problems: list[str]) -> None:
    for problem in problems:
        out.print(f"problem: {printable(problem)}")
    if not problems:
        out.print("Everything fits.")
