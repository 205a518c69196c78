"""What a demo prints and writes: the forgetting table, answers, the restart; a contact sheet and an
HTML report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optical_memory.cli.output import stdout, table
from optical_memory.measure.contact_sheet import contact_sheet
from optical_memory.measure.demo import Demo, PageRead
from optical_memory.measure.demo_report import html_report
from optical_memory.measure.questions import BEST
from optical_memory.renderers import PageRenderer
from optical_memory.renderers.pictures import png_bytes
from optical_memory.session.policy import FORGOTTEN, STUB

__all__ = ["Band", "bands", "file_name", "rows", "show", "summary", "write"]

HEADINGS = [
    "age",
    "rung",
    "pages",
    "tokens",
    "text",
    "ratio",
    "alone",
    "recalled",
    "worst",
    "trusted",
]


@dataclass(frozen=True, slots=True)
class Band:
    """Pages in the same state: ages `youngest` to `oldest` (1 is the newest page), `tokens` and
    `text_tokens` a page.

    `alone` and `recalled` are mean accuracies in 0..1 (see `PageRead`), `worst` the least of
    `recalled`, `trusted` the share of the characters that are original or verified; None where
    nothing is read.
    """

    youngest: int
    oldest: int
    rung: str
    pages: int
    n_tokens: int
    text_tokens: float
    compression: float | None
    alone: float | None
    recalled: float | None
    worst: float | None
    trusted: float | None


def bands(demo: Demo) -> list[Band]:
    """The pages by what they are read from, the finest first."""
    order = ["text", *(rung.name for rung in demo.ladder), STUB, FORGOTTEN]
    groups = [[page for page in demo.pages if page.state == state] for state in order]
    return [_band(group) for group in groups if group]


def _band(pages: Sequence[PageRead]) -> Band:
    ages, tokens = [page.age for page in pages], pages[0].visual_tokens
    text = sum(page.text_tokens for page in pages) / len(pages)
    recalled = [page.recalled for page in pages if page.recalled is not None]
    read = [page.found for page in pages if page.found is not None and page.recalled is not None]
    return Band(
        min(ages),
        max(ages),
        pages[0].state,
        len(pages),
        tokens,
        text,
        text / tokens if tokens else None,
        _mean([page.alone for page in pages if page.alone is not None]),
        _mean(recalled),
        min(recalled, default=None),
        _mean([found.share("original", "verified") for found in read]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _cells(band: Band) -> list[str]:
    age = f"{band.youngest}–{band.oldest}" if band.pages > 1 else f"{band.youngest}"
    compression = f"{band.compression:.1f}x" if band.compression else "–"
    shares = [
        f"{share:.1%}" if share is not None else "–"
        for share in (band.alone, band.recalled, band.worst, band.trusted)
    ]
    return [
        age,
        band.rung,
        str(band.pages),
        str(band.n_tokens),
        f"{band.text_tokens:.0f}",
        compression,
        *shares,
    ]


def rows(demo: Demo) -> list[dict[str, Any]]:
    """The table as JSON: one row a band."""
    return [{"conversation": demo.conversation} | asdict(band) for band in bands(demo)]


def summary(demo: Demo) -> dict[str, Any]:
    """Everything else about the demo as JSON."""
    found = sum(asked.rank is not None for asked in demo.asked)
    return {
        "conversation": demo.conversation,
        "session": demo.session,
        "turns": demo.turns,
        "open_turns": demo.open_turns,
        "pages": len(demo.pages),
        "capacity": demo.capacity,
        "capacity_chosen": demo.chosen,
        "floor": demo.floor,
        "faded": demo.faded,
        "questions_asked": len(demo.asked),
        "questions_answered": found,
        "questions": [asdict(asked) for asked in demo.asked],
        "restart": asdict(demo.restart),
        "stages": demo.seconds,
    }


def notes(demo: Demo) -> list[str]:
    """What one must know to read the table."""
    how = "chosen so that every rung shows" if demo.chosen else "as asked"
    floor = (
        "pages fade whatever it costs"
        if demo.floor == 0
        else "no page fades to a rung that agrees less"
    )
    pages = f"{len(demo.pages)} pages, {demo.faded} faded"
    return [
        f"{demo.turns} turns, the newest {demo.open_turns} of them still text; {pages}.",
        f"Capacity: {demo.capacity} visual tokens, {how}. Floor: {demo.floor:g} ({floor}; a memory's default is 0.95).",
        "Age in pages, 1 the newest. Tokens a page, as the decoder receives them; text a page, in DeepSeek tokens. "
        "Alone: accuracy of what the reader reads from cached tokens; recalled: with the exact facts put over it, as "
        "recall gives it; worst: the worst page of these. Trusted: characters that are original or verified.",
    ]


def restart_note(demo: Demo) -> str:
    """What the restart showed."""
    r = demo.restart
    server = "The private Valkey server was stopped and started"
    what = server if r.store == "unix" else "The store was closed and opened"
    return (
        f"{what} again: {r.equal} of {r.pages} pages read the same, vision tower calls {r.looks}. With every cached "
        f"token dropped: {r.dropped_equal} of {r.dropped} pages read the same, vision tower calls {r.dropped_looks}."
    )


# ---- for people ----------------------------------------------------------------------------------


def show(demo: Demo, folder: Path) -> None:
    """Print the demo on stdout."""
    out = stdout()
    title = f"Forgetting: {demo.conversation}"
    out.print(table(title, HEADINGS, [_cells(band) for band in bands(demo)], left=2))
    for note in notes(demo):
        out.print(note, markup=False)
    out.print()
    found = sum(asked.rank is not None for asked in demo.asked)
    asked = [
        [a.question, a.answer, a.rank or "no", a.rung or "–", _sureness(a.status, a.p)]
        for a in demo.asked
    ]
    title = f"{found} of {len(asked)} answers are in the first {BEST} recollections"
    out.print(table(title, ["question", "answer", "rank", "rung", "how sure"], asked, left=5))
    out.print(restart_note(demo), markup=False)
    out.print(
        f"Seconds: {', '.join(f'{name} {taken:.1f}' for name, taken in demo.seconds.items())}",
        markup=False,
    )
    out.print(f"Report: {folder / 'report.html'}", markup=False)


def _sureness(status: str | None, p: float | None) -> str:
    return "–" if status is None else f"{status} ({p:.2f})" if status == "reconstructed" else status


def file_name(id: str) -> str:
    """A conversation's id as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", id).strip(".-") or "conversation"


def write(demo: Demo, folder: Path, reader: str) -> None:
    """`report.html` and, if there is a full page, `contact-sheet.png`, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    sheet = _sheet(demo)
    if sheet is not None:
        (folder / "contact-sheet.png").write_bytes(sheet)
    samples = list(
        {page.state: page for page in reversed(demo.pages) if page.found is not None}.values()
    )
    html = html_report(
        title=demo.conversation,
        reader=reader,
        notes=[*notes(demo), restart_note(demo)],
        headings=HEADINGS,
        table=[_cells(band) for band in bands(demo)],
        asked=[asdict(a) | {"sure": _sureness(a.status, a.p)} for a in demo.asked],
        pages=sorted(samples, key=lambda page: page.age),
        sheet=sheet,
    )
    (folder / "report.html").write_text(html, encoding="utf-8", errors="replace")


def _sheet(demo: Demo) -> bytes | None:
    """The newest page at every rung, side by side."""
    if demo.sheet is None:
        return None
    page, agreement = demo.sheet
    renderer = PageRenderer(page.layout.grid)
    images = [renderer.draw(page, rung.side_px) for rung in demo.ladder]
    captions = [
        f"{r.name} {r.side_px} px, {r.n_tokens} tokens, {agreement.get(r.name, 0):.1%} read"
        for r in demo.ladder
    ]
    return png_bytes(contact_sheet(images, captions))
