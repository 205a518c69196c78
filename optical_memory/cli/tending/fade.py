"""The command fade: a session, or all sessions of a store, as the policy and the term say."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import (
    AsJson,
    Capacity,
    KeyFile,
    ReaderName,
    Retention,
    SessionName,
    StoreUrl,
    open_memory,
    store_from_option,
)
from optical_memory.cli.output import Run, printable, reader_name, table
from optical_memory.errors import InputError, StoreError
from optical_memory.memory import OpticalMemory
from optical_memory.session.fade import FadePreview
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.forgetting.policy import ForgettingPolicy

__all__ = [
    "fade",
]

MAX_DAYS = 365 * 100
"""Of a term. Longer than anybody keeps a conversation, and short of the end of dates."""


def fade(
    capacity: Capacity = None,
    keep_days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_DAYS,
            envvar="OPTICAL_MEMORY_KEEP_DAYS",
            help="Erase turns that are older than so many days, for good.",
        ),
    ] = None,
    all_sessions: Annotated[
        bool, typer.Option("--all", help="All sessions of the store, for a job that runs daily.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before pages are lost.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would fade, and change nothing.")
    ] = False,
    retain: Retention = "pages",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Fade the pages that are due by their age, or those worth least until a capacity is met.

    Faded pages do not come back. It asks before pages lose their last picture, and before turns
    that are older than --keep-days are erased.
    """
    policy = ForgettingPolicy()
    if keep_days is not None:
        policy = ForgettingPolicy(keep_for=timedelta(days=keep_days))
    settings: dict[str, Any] = {
        "capacity": capacity,
        "retain": retain,
        "policy": policy,
        "background": False,
        "key_file": key_file,
    }
    fields: dict[str, Any] = {"capacity": capacity, "dry_run": dry_run, "keep_days": keep_days}
    if all_sessions:
        run = Run("fade", as_json)
        faded: list[_Faded] = []
        problems: dict[str, str] = {}
        for name in _sessions(store):
            try:
                with open_memory(store, name, reader, **settings) as memory:
                    faded.append(_fade(memory, dry_run=dry_run, yes=yes))
            except StoreError as error:  # a damaged session must not keep the others
                problems[name] = str(error)
        rows = [item.row for item in faded]
        run.finish(lambda out: _show_all(out, faded, problems), rows, problems=problems, **fields)
        raise typer.Exit(1 if problems else 0)
    with open_memory(store, session, reader, **settings) as memory:
        run = Run("fade", as_json, reader_name(memory.reader))
        item = _fade(memory, dry_run=dry_run, yes=yes)
    run.finish(
        lambda out: _show(out, item, capacity, dry_run=dry_run),
        item.steps,
        visual_tokens=item.n_tokens,
        lost=item.lost,
        **fields,
    )


def _sessions(url: str | None) -> list[str]:
    store = store_from_option(url)
    try:
        return sorted(store.sessions())
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class _Faded:
    """A session after it faded: its steps, what was lost for good, and the tokens that it has."""

    session: str
    steps: list[dict[str, Any]]
    preview: FadePreview
    n_tokens: int

    @property
    def lost(self) -> dict[str, int]:
        return {
            "condensed": self.preview.n_condensed,
            "stubs": self.preview.n_stubs,
            "forgotten": self.preview.n_forgotten,
            "facts": self.preview.n_facts,
            "turns": self.preview.n_turns,
        }

    @property
    def row(self) -> dict[str, Any]:
        """For machines."""
        n_steps = len(self.steps)
        return {
            "session": self.session,
            "steps": n_steps,
            "visual_tokens": self.n_tokens,
            **self.lost,
        }


def _fade(memory: OpticalMemory, *, dry_run: bool, yes: bool) -> _Faded:
    old_forms = {page.id: page.form for page in memory.pages()}
    preview = memory.plan()
    steps: Sequence[Step] = preview.steps
    if not dry_run:
        _ask(preview, yes=yes)
        steps = memory.fade()
    rows = [
        {
            "page": step.page,
            "from": old_forms.get(step.page, "text"),
            "to": step.rung,
            "reason": step.reason,
        }
        for step in steps
    ]
    return _Faded(memory.session, rows, preview, memory.stats().visual_tokens)


def _show(out: Console, item: _Faded, capacity: int | None, *, dry_run: bool) -> None:
    verb = "would fade" if dry_run else "faded"
    limit = "no capacity" if capacity is None else f"capacity {capacity}"
    title = f"{len(item.steps)} pages {verb}; {item.n_tokens} visual tokens kept, {limit}"
    cells = [list(row.values()) for row in item.steps]
    out.print(table(title, ["page", "from", "to", "reason"], cells, n_words=4))
    if item.preview.loses:
        out.print(_loss(item.preview))


def _show_all(out: Console, faded: Sequence[_Faded], problems: Mapping[str, str]) -> None:
    columns = ["session", "steps", "turns erased", "pages lost", "visual tokens"]
    cells: list[list[object]] = []
    for item in faded:
        counts = item.preview
        n_pages = counts.n_condensed + counts.n_stubs + counts.n_forgotten
        cells.append([item.session, len(item.steps), counts.n_turns, n_pages, item.n_tokens])
    out.print(table(f"{len(faded)} sessions", columns, cells))
    for name, problem in problems.items():
        out.print(printable(f"session {name!r}: {problem}"))


def _loss(preview: FadePreview) -> str:
    return (
        f"for good: {preview.n_condensed} pages to their best sentences, {preview.n_stubs} to "
        f"keywords, {preview.n_forgotten} to nothing, {preview.n_facts} exact facts, and "
        f"{preview.n_turns} turns past their term"
    )


def _ask(preview: FadePreview, *, yes: bool) -> None:
    """Ask if anything may be lost. Raises `InputError` if nobody can answer."""
    if yes or not preview.loses:
        return
    if not sys.stdin.isatty():
        raise InputError(f"this would lose {_loss(preview)}: add --yes, or --dry-run to see which")
    typer.confirm(f"Lose {_loss(preview)}?", abort=True, err=True)
