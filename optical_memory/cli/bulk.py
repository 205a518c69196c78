"""Commands that work on every session of a store: bulk encode, bulk certify, bulk fade."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.bulk.on_ray import on_ray
from optical_memory.bulk.report import SessionReport
from optical_memory.bulk.sessions import Engine, Work, bulk, in_process
from optical_memory.cli.options import AsJson, ReaderName, StoreUrl, store_at
from optical_memory.cli.output import Run, maker, printable, table
from optical_memory.cli.progress import progress_bar
from optical_memory.memory import KEEP_TURNS
from optical_memory.readers import open_reader
from optical_memory.session.upkeep import default_store

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Work on every session of a store; start it again and it goes on."
)

Sessions = Annotated[
    list[str] | None, typer.Option("--session", help="Only this session; may be given again.")
]
EngineName = Annotated[
    str, typer.Option("--engine", help="'local': in this process; 'ray': Ray Data.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes of Ray; 2 unless given.")
]
Cpus = Annotated[
    float, typer.Option("--num-cpus", min=0, help="CPUs that each of Ray's processes reserves.")
]
Gpus = Annotated[
    float, typer.Option("--num-gpus", min=0, help="GPUs that each of Ray's processes reserves.")
]
Address = Annotated[
    str,
    typer.Option(
        "--ray-address", envvar="RAY_ADDRESS", help="A cluster; 'local' starts Ray on this machine."
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report", help="JSON lines, one a session; what it calls done is not done again."
    ),
]
Capacity = Annotated[
    int | None, typer.Option(min=0, help="Visual tokens a session keeps; by default the budget's.")
]
Budget = Annotated[int, typer.Option(min=1, help="The budget that the capacity follows from.")]
Retain = Annotated[
    str, typer.Option(help="'pages' drops a certified page's text, 'text' keeps it.")
]


@app.command()
def encode(
    all_rungs: Annotated[
        bool, typer.Option("--all-rungs", help="Also at the rungs a page may still fade to.")
    ] = False,
    store: StoreUrl = None,
    session: Sessions = None,
    reader: ReaderName = "pocket",
    engine: EngineName = "local",
    workers: Workers = None,
    num_cpus: Cpus = 1,
    num_gpus: Gpus = 0,
    ray_address: Address = "local",
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Make the visual tokens that the cache lacks, of every page at its rung."""
    chosen = _engine(engine, workers, num_cpus, num_gpus, ray_address)
    _run("encode", store, reader, session, report, chosen, as_json, all_rungs=all_rungs)


@app.command()
def certify(
    capacity: Capacity = None,
    budget: Budget = 8_000,
    retain: Retain = "pages",
    keep_turns: Annotated[
        int, typer.Option(min=0, help="The newest turns that always stay text.")
    ] = KEEP_TURNS,
    store: StoreUrl = None,
    session: Sessions = None,
    reader: ReaderName = "pocket",
    engine: EngineName = "local",
    workers: Workers = None,
    num_cpus: Cpus = 1,
    num_gpus: Gpus = 0,
    ray_address: Address = "local",
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Seal full pages, certify those that wait, and fade as far as the capacity asks."""
    chosen = _engine(engine, workers, num_cpus, num_gpus, ray_address)
    settings = {
        "capacity": capacity,
        "budget": budget,
        "retain": _retain(retain),
        "keep_turns": keep_turns,
    }
    _run("certify", store, reader, session, report, chosen, as_json, **settings)


@app.command()
def fade(
    capacity: Capacity = None,
    budget: Budget = 8_000,
    retain: Retain = "pages",
    store: StoreUrl = None,
    session: Sessions = None,
    reader: ReaderName = "pocket",
    engine: EngineName = "local",
    workers: Workers = None,
    num_cpus: Cpus = 1,
    num_gpus: Gpus = 0,
    ray_address: Address = "local",
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Fade the oldest pages of every session until it fits a capacity. What fades does not come
    back.
    """
    chosen = _engine(engine, workers, num_cpus, num_gpus, ray_address)
    settings = {"capacity": capacity, "budget": budget, "retain": _retain(retain)}
    _run("fade", store, reader, session, report, chosen, as_json, **settings)


def _retain(value: str) -> str:
    if value not in ("pages", "text"):
        raise typer.BadParameter(f"{value!r} is none of pages, text", param_hint="--retain")
    return value


def _engine(
    name: str, workers: int | None, num_cpus: float, num_gpus: float, address: str
) -> Engine:
    if name == "ray":
        return on_ray(workers or 2, num_cpus=num_cpus, num_gpus=num_gpus, address=address)
    if name != "local":
        raise typer.BadParameter(f"{name!r} is none of local, ray", param_hint="--engine")
    if workers is not None:
        raise typer.BadParameter(
            "the local engine is this process; workers need --engine ray", param_hint="--workers"
        )
    return in_process


def _run(
    work: Work,
    store: str | None,
    reader: str,
    sessions: Sequence[str] | None,
    report: Path | None,
    engine: Engine,
    as_json: bool,
    **settings: Any,
) -> None:
    url = store or default_store()
    run = Run(f"bulk {work}", as_json, maker(open_reader(reader)))
    with closing(store_at(url)) as opened:
        names = sessions or opened.sessions()
    found: list[SessionReport] = []
    with (
        progress_bar(as_json) as progress,
        redirect_stdout(sys.stderr),
    ):  # where Ray tells of processes that died
        task = progress.add_task(f"bulk {work}", total=len(names))
        for one in bulk(
            url, reader, work, sessions=names, report=report, engine=engine, **settings
        ):
            found.append(one)
            progress.advance(task)
    failed = [one for one in found if one.error is not None]
    rows = [one.to_json() for one in found]
    run.done(lambda out: _show(out, work, found, failed), rows, failed=len(failed), **_sums(found))
    raise typer.Exit(1 if failed else 0)


def _sums(found: Sequence[SessionReport]) -> dict[str, int]:
    return {
        "sessions": len(found),
        "skipped": sum(one.skipped for one in found),
        "pages": sum(one.pages for one in found),
        "done": sum(one.done for one in found),
    }


def _show(
    out: Console, work: Work, found: Sequence[SessionReport], failed: Sequence[SessionReport]
) -> None:
    sums = _sums(found)
    did = {"encode": "encoded", "certify": "certified", "fade": "faded"}[work]
    out.print(
        f"{sums['sessions']} sessions ({sums['skipped']} done before), {sums['pages']} pages, {sums['done']} {did}; "
        f"{len(failed)} sessions failed"
    )
    if failed:
        rows = [[printable(one.session), one.error] for one in failed]
        out.print(table("failed", ["session", "why"], rows, left=2))
