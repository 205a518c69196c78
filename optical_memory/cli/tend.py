"""Commands that look after a session: fade, inspect, stats, check, forget."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from optical_memory.cli.options import AsJson, ReaderName, SessionName, StoreUrl, opened
from optical_memory.cli.output import Run, maker, printable, table
from optical_memory.errors import Forgotten
from optical_memory.memory import OpticalMemory
from optical_memory.recall.recollection import Recollection
from optical_memory.session.records import PageRecord, page_key
from optical_memory.session.upkeep import Stats

__all__ = ["check", "fade", "forget", "inspect", "stats"]

STYLES = {"original": "green", "verified": "", "reconstructed": "yellow", "forgotten": "dim strike"}


def fade(
    capacity: Annotated[
        int | None, typer.Option(min=0, help="Visual tokens to keep; by default the budget's.")
    ] = None,
    budget: Annotated[
        int, typer.Option(min=1, help="The budget that the capacity follows from.")
    ] = 8_000,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Fade the oldest pages until the session fits a capacity. What fades does not come back."""
    with opened(store, session, reader, budget=budget) as memory:
        run = Run("fade", as_json, maker(memory.reader))
        limit = memory.capacity if capacity is None else capacity
        steps = [{"page": step.page, "rung": step.rung} for step in memory.fade(limit)]
        kept = memory.stats().visual_tokens
    rows = [list(step.values()) for step in steps]
    title = f"{len(steps)} pages faded; {kept} visual tokens kept, capacity {limit}"
    run.done(
        lambda out: out.print(table(title, ["page", "now"], rows, left=2)),
        steps,
        capacity=limit,
        visual_tokens=kept,
    )


# ---- looking -------------------------------------------------------------------------------------


def inspect(
    page: Annotated[
        str | None, typer.Argument(help="A page's number (1: the oldest) or id; else all.")
    ] = None,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """A page: its state, its certificate by rung, the kinds of its exact facts, and its text as it
    reads now.
    """
    with opened(store, session, reader) as memory:
        run = Run("inspect", as_json, maker(memory.reader))
        pages = memory.archive.snapshot().pages
        if page is None:
            rows = [_summary(memory, record) for record in pages.values()]
            cells = [[str(cell) for cell in row.values()] for row in rows]
            columns = ["page", "state", "rung", "visual tokens", "text tokens", "agreement"]
            run.done(
                lambda out: out.print(table(f"{len(rows)} pages", columns, cells, left=3)), rows
            )
            return
        record = pages.get(_page_id(page))
        if record is None:
            raise Forgotten(
                f"no page {page!r} in session {session!r}; it has pages 1 to {len(pages)}"
            )
        found = None if record.state == "forgotten" else memory.read(record.id)
        about = _about(memory, record, found)
    run.done(lambda out: _show_page(out, about, found), **about)


def _page_id(page: str) -> str:
    """The id of a page; its number, as recollections tell it, has fewer digits than an id."""
    return (
        page_key(int(page) - 1)
        if page.isdecimal() and int(page) > 0 and len(page) < len(page_key(0))
        else page
    )


def _summary(memory: OpticalMemory, record: PageRecord) -> dict[str, Any]:
    certificate = record.get_certificate()
    drawn = memory.reader.profile.rung(record.rung) if record.rung else None
    return {
        "page": record.id,
        "state": record.state,
        "rung": record.rung,
        "visual_tokens": drawn.n_tokens if drawn else None,
        "text_tokens": record.text_tokens,
        "agreement": round(certificate.agreement(record.rung), 4)
        if certificate and record.rung
        else None,
    }


def _about(memory: OpticalMemory, record: PageRecord, found: Recollection | None) -> dict[str, Any]:
    certificate = record.get_certificate()
    kinds: dict[str, int] = {}
    for fact in record.get_ledger().spans:
        kinds[fact.kind] = kinds.get(fact.kind, 0) + 1
    rungs = [
        {"rung": r.rung, "agreement": r.agreement, "worst": list(r.worst), "sure": r.sure}
        for r in (certificate.rungs.values() if certificate else ())
    ]
    made_by = (
        f"{certificate.reader}@{certificate.revision}, {certificate.codec}" if certificate else None
    )
    text = (
        {"text": found.text, "spans": [[s.start, s.end, s.status, s.p] for s in found.spans]}
        if found
        else {}
    )
    return {
        **_summary(memory, record),
        "first": record.first_when.isoformat() if record.first_when else None,
        "last": record.last_when.isoformat() if record.last_when else None,
        "turns": list(found.turns) if found else [],
        "text_kept": record.lines is not None,
        "certificate": rungs,
        "certified_by": made_by,
        "partial": bool(certificate and certificate.partial),
        "ledger": kinds,
        "keywords": record.keywords,
        **text,
    }


def _show_page(out: Console, about: dict[str, Any], found: Recollection | None) -> None:
    skip = ("certificate", "text", "spans", "turns")
    facts = [
        [name.replace("_", " "), about[name]]
        for name in about
        if name not in skip and about[name] not in (None, [], {})
    ]
    out.print(table("page", ["", ""], facts, left=2))
    rungs = [
        [r["rung"], f"{r['agreement']:.4f}", f"{r['worst'][2]:.3f}", f"{r['sure']:.3f}"]
        for r in about["certificate"]
    ]
    out.print(table("certificate", ["rung", "agreement", "worst 64", "reader's own"], rungs))
    if found is None:
        return
    if not out.is_terminal:
        out.print(printable(found.marked()), markup=False)
        return
    out.print(Text.assemble(*((f" {status} ", style) for status, style in STYLES.items())))
    out.print(
        Text.assemble(
            *((printable(found.text[s.start : s.end]), STYLES[s.status]) for s in found.spans)
        )
    )


def stats(
    budget: Annotated[
        int, typer.Option(min=1, help="The budget that the capacity follows from.")
    ] = 8_000,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Counts of a session: turns, pages by rung, tokens against capacity, and what was forgotten."""
    with opened(store, session, reader, budget=budget) as memory:
        run = Run("stats", as_json, maker(memory.reader))
        found, sessions = memory.stats(), memory.sessions()
    run.done(
        lambda out: _show_stats(out, session, found),
        session=session,
        sessions=sessions,
        **found.to_json(),
    )


def _show_stats(out: Console, session: str, found: Stats) -> None:
    facts: list[list[object]] = [
        ["turns", f"{found.turns}, {found.open_turns} of them open"],
        ["pages", ", ".join(f"{n} {rung}" for rung, n in found.pages.items()) or "none"],
        ["visual tokens", f"{found.visual_tokens} of {found.capacity}"],
        ["text tokens of the pages", found.text_tokens],
        ["compression", f"{found.compression:.1f}x" if found.compression else "–"],
        ["forgotten pages", len(found.forgotten)],
    ]
    out.print(table(f"session {printable(session)!r}", ["", ""], facts, left=2))


# ---- mending and forgetting ----------------------------------------------------------------------


def check(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Look for problems in a session and its store; exits with 1 if any are left."""
    with opened(store, session, reader) as memory:
        run = Run("check", as_json, maker(memory.reader))
        found = memory.check(repair=repair)
        left = memory.check() if repair else found
    rows = [{"problem": problem, "mended": problem not in left} for problem in found]
    told = [f"{'mended: ' if row['mended'] else ''}{row['problem']}" for row in rows] or [
        "no problems"
    ]
    run.done(
        lambda out: out.print(printable("\n".join(map(str, told))), markup=False), rows, ok=not left
    )
    raise typer.Exit(1 if left else 0)


def forget(
    page: Annotated[str | None, typer.Option(help="A page's number or id.")] = None,
    turn: Annotated[str | None, typer.Option(help="A turn's id.")] = None,
    whole_session: Annotated[
        bool, typer.Option("--whole-session", help="All of the session.")
    ] = False,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Remove a page, a turn or the whole session for good: record, pictures, tokens, ledger and
    index.
    """
    if [page is not None, turn is not None, whole_session].count(True) != 1:
        raise typer.BadParameter("name one thing: --page, --turn or --whole-session")
    with opened(store, session, reader) as memory:
        run = Run("forget", as_json, maker(memory.reader))
        id = None if page is None else _page_id(page)
        memory.forget(page=id, turn=turn, session=whole_session)
    what = f"page {id}" if page else f"turn {turn!r}" if turn else f"session {session!r}"
    run.done(lambda out: out.print(f"forgot {printable(what)}", markup=False), forgot=what)
