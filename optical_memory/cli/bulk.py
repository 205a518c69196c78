"""Commands that work on every session of a store: bulk encode, bulk certify, bulk fade."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from optical_memory.bulk import Engine, SessionReport, Work, bulk, in_process, ray_engine
from optical_memory.cli.options import (
    AsJson,
    Capacity,
    KeyFile,
    ReaderName,
    Retention,
    StoreUrl,
    key_from_options,
    store_from_option,
)
from optical_memory.cli.output import Run, printable, reader_name, table
from optical_memory.cli.progress import progress_bars
from optical_memory.memory import KEEP_TURNS
from optical_memory.readers import open_reader
from optical_memory.stores import default_store

__all__ = [
    "app",
]

app = typer.Typer(
    no_args_is_help=True, help="Work on every session of a store; start it again and it goes on."
)

Sessions = Annotated[
    list[str] | None, typer.Option("--session", help="Only this session; may be given again.")
]
EngineName = Annotated[
    Literal["local", "ray"],
    typer.Option("--engine", help="'local': in this process; 'ray': Ray Data."),
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
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report", help="JSON lines, one a session; what it calls done is not done again."
    ),
]
PAST_TENSE: dict[Work, str] = {"encode": "encoded", "certify": "certified", "fade": "faded"}


@app.command()
def encode(
    all_rungs: Annotated[
        bool, typer.Option("--all-rungs", help="Also at the rungs a page may still fade to.")
    ] = False,
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: Sessions = None,
    reader: ReaderName = "pocket",
    engine: EngineName = "local",
    workers: Workers = None,
    num_cpus: Cpus = 1,
    num_gpus: Gpus = 0,
    ray_address: Address = "local",
    report: ReportFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the visual tokens that the cache lacks, of every page at its rung."""
    processes = _engine(engine, workers, num_cpus, num_gpus, ray_address)
    settings: dict[str, Any] = {"key": key_from_options(key_file), "all_rungs": all_rungs}
    _run("encode", store, reader, session, report, processes, as_json, **settings)


@app.command()
def certify(
    capacity: Capacity = None,
    retain: Retention = "pages",
    keep_turns: Annotated[
        int, typer.Option(min=0, help="The newest turns that always stay text.")
    ] = KEEP_TURNS,
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: Sessions = None,
    reader: ReaderName = "pocket",
    engine: EngineName = "local",
    workers: Workers = None,
    num_cpus: Cpus = 1,
    num_gpus: Gpus = 0,
    ray_address: Address = "local",
    report: ReportFile = None,
    as_json: AsJson = False,
) -> None:
    """Seal full pages, certify those that wait, and fade the pages that are due."""
    processes = _engine(engine, workers, num_cpus, num_gpus, ray_address)
    settings: dict[str, Any] = {
        "capacity": capacity,
        "retain": retain,
        "keep_turns": keep_turns,
        "key": key_from_options(key_file),
    }
    _run("certify", store, reader, session, report, processes, as_json, **settings)


@app.command()
def fade(
    capacity: Capacity = None,
    retain: Retention = "pages",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: Sessions = None,
    reader: ReaderName = "pocket",
    engine: EngineName = "local",
    workers: Workers = None,
    num_cpus: Cpus = 1,
    num_gpus: Gpus = 0,
    ray_address: Address = "local",
    report: ReportFile = None,
    as_json: AsJson = False,
) -> None:
    """Fade the pages of every session that are due by their age, or until it fits a capacity.

    Faded pages do not come back.
    """
    processes = _engine(engine, workers, num_cpus, num_gpus, ray_address)
    settings: dict[str, Any] = {
        "capacity": capacity,
        "retain": retain,
        "key": key_from_options(key_file),
    }
    _run("fade", store, reader, session, report, processes, as_json, **settings)


def _engine(
    name: Literal["local", "ray"],
    workers: int | None,
    num_cpus: float,
    num_gpus: float,
    address: str,
) -> Engine:
    if name == "ray":
        return ray_engine(workers or 2, num_cpus=num_cpus, num_gpus=num_gpus, address=address)
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
    run = Run(f"bulk {work}", as_json, reader_name(open_reader(reader)))
    with closing(store_from_option(url)) as session_store:
        names = sessions or session_store.sessions()
    reports: list[SessionReport] = []
    with (
        progress_bars(as_json) as progress,
        redirect_stdout(sys.stderr),  # stdout is for the answer; Ray prints if a process died
    ):
        for line in bulk(
            url, reader, work, sessions=names, report=report, engine=engine, **settings
        ):
            reports.append(line)
            progress(f"bulk {work}", len(reports), len(names))
    failures = [line for line in reports if line.error is not None]
    run.finish(
        lambda out: _show(out, work, reports, failures),
        [line.to_json() for line in reports],
        failed=len(failures),
        **_sums(reports),
    )
    raise typer.Exit(1 if failures else 0)


def _sums(reports: Sequence[SessionReport]) -> dict[str, int]:
    sums = Counter(sessions=0, skipped=0, pages=0, done=0)
    for report in reports:
        sums.update(sessions=1, skipped=report.skipped, pages=report.pages, done=report.done)
    return dict(sums)


def _show(
    out: Console,
    work: Work,
    reports: Sequence[SessionReport],
    failures: Sequence[SessionReport],
) -> None:
    sums = _sums(reports)
    out.print(
        f"{sums['sessions']} sessions ({sums['skipped']} done before), {sums['pages']} pages, "
        f"{sums['done']} {PAST_TENSE[work]}; {len(failures)} sessions failed"
    )
    if failures:
        rows = [[printable(report.session), report.error] for report in failures]
        out.print(table("failed", ["session", "why"], rows, n_words=2))
