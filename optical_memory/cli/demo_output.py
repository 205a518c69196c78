"""The output of a demo: the forgetting table, answers, the restart, and an HTML report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optical_memory.cli.output import stdout, table
from optical_memory.measure.contact_sheet import contact_sheet
from optical_memory.measure.demo_report import html_report
from optical_memory.measure.demo_result import Demo, PageReading, Sheet
from optical_memory.measure.questions import BEST, Answer
from optical_memory.profiles import Ladder
from optical_memory.renderers import PageRenderer
from optical_memory.renderers.pictures import png_bytes
from optical_memory.session.forgetting.policy import CONDENSED, FORGOTTEN, STUB
from optical_memory.stores.private_files import private_folder, write_private

__all__ = [
    "Band",
    "bands",
    "file_name",
    "rows",
    "show",
    "summary",
    "write",
]

BAND_HEADINGS = [
    "age",
    "rung",
    "pages",
    "tokens",
    "ledger",
    "text",
    "ratio",
    "alone",
    "recalled",
    "worst",
    "trusted",
]

LEGEND = (
    "Age in pages, 1 the newest. Tokens a page, as the decoder receives them; ledger and text a "
    "page, in DeepSeek tokens; ratio: text over tokens and ledger. Alone: accuracy of what the "
    "reader reads from cached tokens; recalled: with the ledger put over it, as recall gives it; "
    "worst: the worst page of these. Trusted: characters that are original or verified."
)


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Band:
    """Pages of the same form, of ages `youngest` to `oldest` (1 is the newest page).

    `n_tokens`, `ledger_tokens` and `text_tokens` are those of a page; `compression` is text over
    the other two. `alone` and `recalled` are mean accuracies in
    0..1: of the reader alone, and of recall. `worst` is the least of `recalled`, `trusted` the
    share of the characters that are original or verified. They are None if nothing is read.
    """

    youngest: int
    oldest: int
    rung: str
    pages: int
    n_tokens: int
    ledger_tokens: float
    text_tokens: float
    compression: float | None
    alone: float | None
    recalled: float | None
    worst: float | None
    trusted: float | None


def bands(demo: Demo) -> list[Band]:
    """The pages by the form that they are read from, the finest first."""
    forms = ["text", *demo.ladder.names, STUB, CONDENSED, FORGOTTEN]
    groups = [[page for page in demo.pages if page.form == form] for form in forms]
    return [_band(group) for group in groups if group]


def _band(pages: Sequence[PageReading]) -> Band:
    ages = [page.age for page in pages]
    n_tokens = pages[0].visual_tokens
    ledger_tokens = sum(page.ledger_tokens for page in pages) / len(pages)
    text_tokens = sum(page.text_tokens for page in pages) / len(pages)
    accuracies = _present([page.recall_accuracy for page in pages])
    return Band(
        youngest=min(ages),
        oldest=max(ages),
        rung=pages[0].form,
        pages=len(pages),
        n_tokens=n_tokens,
        ledger_tokens=ledger_tokens,
        text_tokens=text_tokens,
        compression=text_tokens / (n_tokens + ledger_tokens) if n_tokens else None,
        alone=_mean(_present([page.reader_accuracy for page in pages])),
        recalled=_mean(accuracies),
        worst=min(accuracies, default=None),
        trusted=_mean(_present([_trusted_share(page) for page in pages])),
    )


def _trusted_share(page: PageReading) -> float | None:
    if page.recollection is None or page.recall_accuracy is None:
        return None
    return page.recollection.share("original", "verified")


def _present(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _cells(band: Band) -> list[str]:
    shares = (band.alone, band.recalled, band.worst, band.trusted)
    return [
        f"{band.youngest}–{band.oldest}" if band.pages > 1 else f"{band.youngest}",
        band.rung,
        str(band.pages),
        str(band.n_tokens),
        f"{band.ledger_tokens:.0f}",
        f"{band.text_tokens:.0f}",
        f"{band.compression:.1f}x" if band.compression else "–",
        *(f"{share:.1%}" if share is not None else "–" for share in shares),
    ]


# ---- for machines --------------------------------------------------------------------------------


def rows(demo: Demo) -> list[dict[str, Any]]:
    """The table as JSON: a row for each band."""
    return [{"conversation": demo.conversation} | asdict(band) for band in bands(demo)]


def summary(demo: Demo) -> dict[str, Any]:
    """All other facts about the demo as JSON."""
    return {
        "conversation": demo.conversation,
        "session": demo.session,
        "turns": demo.n_turns,
        "open_turns": demo.n_open_turns,
        "pages": len(demo.pages),
        "capacity": demo.capacity,
        "capacity_chosen": demo.is_chosen,
        "floor": demo.floor,
        "faded": demo.n_faded,
        "questions_asked": len(demo.answers),
        "questions_answered": _n_right(demo.answers),
        "questions": [asdict(answer) for answer in demo.answers],
        "restart": asdict(demo.restart),
        "stages": demo.seconds,
    }


def _n_right(answers: Sequence[Answer]) -> int:
    return sum(answer.rank is not None for answer in answers)


# ---- for people ----------------------------------------------------------------------------------


def show(demo: Demo, folder: Path) -> None:
    """Print the demo on stdout."""
    out = stdout()
    title = f"Forgetting: {demo.conversation}"
    out.print(table(title, BAND_HEADINGS, [_cells(band) for band in bands(demo)], n_words=2))
    for note in _notes(demo):
        out.print(note, markup=False)
    out.print()
    n_right = _n_right(demo.answers)
    title = f"{n_right} of {len(demo.answers)} answers are in the first {BEST} recollections"
    headings = ["question", "answer", "rank", "rung", "how sure"]
    out.print(table(title, headings, [_answer_cells(a) for a in demo.answers], n_words=5))
    out.print(_restart_note(demo), markup=False)
    seconds = ", ".join(f"{name} {value:.1f}" for name, value in demo.seconds.items())
    out.print(f"Seconds: {seconds}", markup=False)
    out.print(f"Report: {folder / 'report.html'}", markup=False)


def _notes(demo: Demo) -> list[str]:
    """Sentences that a reader of the table needs."""
    meaning = "no page fades to a rung that agrees less"
    if demo.floor == 0:
        meaning = "pages fade whatever it costs"
    turns = f"{demo.n_turns} turns, the newest {demo.n_open_turns} of them still text"
    pages = f"{len(demo.pages)} pages, {demo.n_faded} faded"
    capacity = f"Capacity: {demo.capacity} tokens"
    if demo.is_chosen:
        capacity = f"No capacity: pages fade with age, {demo.capacity} visual tokens are left"
    floor = f"Floor: {demo.floor:g} ({meaning}; a memory's default is 0.95)"
    return [f"{turns}; {pages}.", f"{capacity}. {floor}.", LEGEND]


def _restart_note(demo: Demo) -> str:
    restart = demo.restart
    event = "The store was closed and opened"
    if restart.store == "unix":
        event = "The private Valkey server was stopped and started"
    return (
        f"{event} again: {restart.equal} of {restart.pages} pages read the same, "
        f"vision tower calls {restart.looks}. With every cached token dropped: "
        f"{restart.dropped_equal} of {restart.dropped} pages read the same, "
        f"vision tower calls {restart.dropped_looks}."
    )


def _answer_cells(answer: Answer) -> list[object]:
    certainty = _certainty(answer)
    return [answer.question, answer.answer, answer.rank or "no", answer.rung or "–", certainty]


def _certainty(answer: Answer) -> str:
    if answer.status is None:
        return "–"
    return (
        f"{answer.status} ({answer.p:.2f})" if answer.status == "reconstructed" else answer.status
    )


# ---- files ---------------------------------------------------------------------------------------


def file_name(id: str) -> str:
    """A conversation's id as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", id).strip(".-") or "conversation"


def write(demo: Demo, folder: Path, reader: str) -> None:
    """`report.html` and, if there is a full page, `contact-sheet.png`, into `folder`."""
    private_folder(folder)
    png = _sheet_png(demo.sheet, demo.ladder) if demo.sheet else None
    if png is not None:
        write_private(folder / "contact-sheet.png", png)
    html = html_report(
        title=demo.conversation,
        reader=reader,
        notes=[*_notes(demo), _restart_note(demo)],
        headings=BAND_HEADINGS,
        table=[_cells(band) for band in bands(demo)],
        answers=[asdict(answer) | {"certainty": _certainty(answer)} for answer in demo.answers],
        pages=_samples(demo.pages),
        sheet=png,
    )
    write_private(folder / "report.html", html.encode(errors="replace"))


def _samples(pages: Sequence[PageReading]) -> list[PageReading]:
    """The oldest page of each form, the newest of these first."""
    samples = {page.form: page for page in reversed(pages) if page.recollection is not None}
    return sorted(samples.values(), key=lambda page: page.age)


def _sheet_png(sheet: Sheet, ladder: Ladder) -> bytes:
    """The page at every rung, side by side."""
    renderer = PageRenderer(sheet.page.layout.grid)
    images = [renderer.draw(sheet.page, rung.side_px) for rung in ladder]
    captions = [
        f"{rung.name} {rung.side_px} px, {rung.n_tokens} tokens, "
        f"{sheet.agreements.get(rung.name, 0):.1%} read"
        for rung in ladder
    ]
    return png_bytes(contact_sheet(images, captions))
