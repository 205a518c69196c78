"""The command `doctor`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from optical_memory.cli.doctor.reading import reader_findings
from optical_memory.cli.doctor.versions import version_findings
from optical_memory.cli.options import AsJson, KeyFile, ReaderName, open_memory
from optical_memory.cli.output import Run, printable, table
from optical_memory.errors import InputError, OpticalMemoryError
from optical_memory.stores.encryption.tenant_key import KEY_VARIABLE
from optical_memory.stores.health.examine import examine, exists
from optical_memory.stores.health.report import ENCRYPTED, Finding, Promise, Report
from optical_memory.stores.passwords import printable_url
from optical_memory.stores.registry import default_name

__all__ = ["doctor"]

STORE_VARIABLE = "OPTICAL_MEMORY_STORE"


def doctor(
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            envvar=STORE_VARIABLE,
            help="Without it the file in your data directory.",
        ),
    ] = None,
    key_file: KeyFile = None,
    session: Annotated[
        str | None, typer.Option("--session", help="Look at this session too.")
    ] = None,
    reader: ReaderName = "pocket",
    reads: Annotated[
        bool, typer.Option("--read/--no-read", help="Open the reader and read a page.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Tell the settings of the store, the versions and the reader, and what is promised with them.

    Exits with 0 if all is well, with 1 if something is to be mended. Changes and creates nothing.
    """
    run = Run("doctor", as_json)
    report = _store_report(store)
    has_key = key_file is not None or bool(os.environ.get(KEY_VARIABLE))
    promises = [_with_key(promise, has_key=has_key) for promise in report.promises]
    areas = {"store": list(report.findings)}
    if session is not None and not _problems(report.findings):
        areas["session"] = _session(store, session, reader, key_file)
    if reads:
        areas["reader"] = reader_findings(reader)
    areas["versions"] = version_findings()
    rows = [{"area": area, **asdict(row)} for area, found in areas.items() for row in found]
    problems = _problems([row for found in areas.values() for row in found])
    run.finish(
        lambda out: _show(out, areas, promises, problems),
        rows,
        promises=[asdict(promise) for promise in promises],
        problems=problems,
        ok=not problems,
    )
    raise typer.Exit(1 if problems else 0)


def _store_report(url: str | None) -> Report:
    """What is found of the store. A file that somebody named and that is not there is a problem."""
    try:
        report = examine(url or default_name())
        is_there = url is None or exists(url)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--store") from error
    if is_there:
        return report
    problem = "there is no such file: `remember` creates it, or the name is wrong"
    missing = Finding("file", printable_url(url or ""), problem)
    return replace(report, findings=[missing, *report.findings])


def _with_key(promise: Promise, *, has_key: bool) -> Promise:
    if promise.name != ENCRYPTED or not has_key:
        return promise
    reason = "a key is given: what it writes is encrypted; `check` tells of records that are plain"
    return Promise(ENCRYPTED, "yes", reason)


def _session(url: str | None, session: str, reader: str, key_file: Path | None) -> list[Finding]:
    """The backlog and the losses of a session that is there."""
    try:
        with open_memory(url, session, reader, key_file=key_file, background=False) as memory:
            counts = memory.stats()
    except OpticalMemoryError as error:
        return [Finding("session", session, f"it does not open: {error}")]
    lost = None
    if counts.lost_turns:
        lost = "the store lost turns that were acknowledged: see what is promised below"
    waiting = ", ".join(f"{n} pages to {work}" for work, n in counts.waiting.items())
    return [
        Finding("session", session),
        Finding("turns", str(counts.turns)),
        Finding("lost turns", str(counts.lost_turns), lost),
        Finding("waiting", waiting or "nothing"),
    ]


def _problems(findings: Sequence[Finding]) -> list[str]:
    return [f"{finding.name}: {finding.problem}" for finding in findings if finding.problem]


def _show(
    out: Console,
    areas: dict[str, list[Finding]],
    promises: Sequence[Promise],
    problems: Sequence[str],
) -> None:
    for area, findings in areas.items():
        rows = [[finding.name, finding.value, finding.problem or ""] for finding in findings]
        out.print(table(area, ["", "", "to mend"], rows, n_words=3))
    if promises:
        cells = [[row.name, row.answer, row.reason, row.improve] for row in promises]
        headings = ["promise", "holds", "because", "to have it"]
        out.print(table("what is promised with these", headings, cells, n_words=4))
    for problem in problems:
        out.print(printable(f"to mend: {problem}"))
    if not problems:
        out.print("all is well")
