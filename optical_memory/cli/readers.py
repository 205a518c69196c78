"""Commands about readers: what there is to open, and whether a checkpoint or a server is what it
should be.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import AsJson, ReaderName
from optical_memory.cli.output import Run, maker, printable, table
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers import open_reader
from optical_memory.renderers.sans_grid import prose_chars

__all__ = ["app"]

app = typer.Typer(
    help="What can be opened as --reader, and checks of it.", invoke_without_command=True
)

GIB = 2**30


@app.callback()
def readers(context: typer.Context, reader: ReaderName = "pocket", as_json: AsJson = False) -> None:
    """What can be opened as --reader: its ladder with tokens, and the size of its checkpoint. Loads
    no weights.
    """
    if context.invoked_subcommand is not None:
        return
    run = Run("readers", as_json)
    rows = [_reader(name) for name in dict.fromkeys(["pocket", reader])]
    run.done(lambda out: _show_readers(out, rows), rows)


def _reader(name: str) -> dict[str, Any]:
    opened_reader = open_reader(name)
    profile, folder = opened_reader.profile, getattr(opened_reader, "folder", None)
    files = sorted(Path(folder).glob("*.safetensors")) if folder else []
    return {
        "name": name,
        "reader": maker(opened_reader),
        "dim": profile.dim,
        "grid": [profile.grid.columns, profile.grid.rows],
        "characters": None if profile.charset is None else len(profile.charset),
        "checkpoint_bytes": sum(file.stat().st_size for file in files),
        "ladder": [_step(rung, profile) for rung in profile.ladder],
    }


def _step(rung: Rung, profile: ReaderProfile) -> dict[str, Any]:
    """A rung, how densely a page full of prose stands at it, and how well that is read by what was
    published.
    """
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
        characters = (
            f"reads {row['characters']} characters"
            if row["characters"]
            else "does not say what it reads"
        )
        pages = f"pages of {row['grid'][0]} x {row['grid'][1]} cells"
        title = f"{row['name']} ({row['reader']}): {row['checkpoint_bytes'] / 1e6:.1f} MB, {characters}, {pages}"
        rungs = [
            [*list(r.values())[:3], f"{r['density_px2_per_char']:.0f}", _share(r)]
            for r in row["ladder"]
        ]
        out.print(
            table(
                title, ["rung", "side px", "tokens", "px²/char, full", "published accuracy"], rungs
            )
        )


def _share(step: dict[str, Any]) -> str:
    accuracy = step["published_accuracy"]
    return "–" if accuracy is None else f"{accuracy:.3f}"


# ---- check ---------------------------------------------------------------------------------------


@app.command()
def check(
    reader: ReaderName = "pocket",
    shapes: Annotated[
        Path | None, typer.Option(help="JSON: 'tensors' with their shapes, for weights.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The config.json that belongs to --shapes.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where it would run: auto, cpu, cuda, mps.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Whether a checkpoint has every key at its right shape, or a server all it needs, and what
    would happen then.

    Reads no weights: a checkpoint is loaded on paper (the meta device), from a folder or from lists
    of shapes alone.
    """
    if (shapes is None) != (config is None):
        raise typer.BadParameter("--shapes and --config go together")
    from optical_memory.readers import check as inspecting

    run = Run("readers check", as_json)
    if shapes is not None and config is not None:
        report = inspecting.check_paper(shapes, config, device)
    else:
        report = inspecting.check_reader(reader, device)
    run.done(lambda out: _show_report(out, asdict(report)), **asdict(report))
    if report.problems:
        raise typer.Exit(1)


def _show_report(out: Console, report: dict[str, Any]) -> None:
    out.print(printable(report["what"]), markup=False)
    if report["missing"] is not None:
        counts = ", ".join(
            f"{report[name]} {name}" for name in ("missing", "unexpected", "mismatched")
        )
        out.print(f"Keys: {counts}.")
    if halves := [_half(half) for half in report["halves"]]:
        out.print(
            table(
                "What loads",
                ["half", "M parameters", "numbers", "on", "needs GiB", "free GiB"],
                halves,
            )
        )
    rungs = [
        [r["rung"], f"{r['width_px']} x {r['height_px']}", r["tokens"], r["stored"]]
        for r in report["rungs"]
    ]
    if rungs:
        out.print(table("Its ladder", ["rung", "px", "tokens", "of these stored"], rungs))
    for server in report["servers"]:
        out.print(
            printable("  ".join(f"{key}: {value}" for key, value in server.items())), markup=False
        )
    for problem in report["problems"]:
        out.print(f"problem: {printable(problem)}", markup=False)
    if not report["problems"]:
        out.print("Everything fits.")


def _half(half: dict[str, Any]) -> list[str]:
    sizes = [f"{half['bytes'] / GIB:.2f}", f"{half['free'] / GIB:.1f}"]
    return [half["half"], f"{half['parameters'] / 1e6:.1f}", half["dtype"], half["device"], *sizes]
