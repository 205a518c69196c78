"""A trial: sheets with planted facts are shown to a chat model, and its answers are counted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from optical_memory.errors import InputError
from optical_memory.hosts.choose import model_id
from optical_memory.hosts.profile import HostProfile
from optical_memory.hosts.receipts import Receipt
from optical_memory.measure.hosts.planted import Planted, plant
from optical_memory.recall.window.blocks import block_in
from optical_memory.recall.window.frame import SHEET_LEGEND
from optical_memory.sheets.pieces import Piece, Type, run_on
from optical_memory.sheets.sheet import Sheet, lay_sheets

__all__ = [
    "ChatModel",
    "TrialRow",
    "measure_host",
]

UNSURE = "?"

QUESTION = (
    "The picture is a page of old notes.{legend} Answer from the picture alone with one JSON "
    'object: for each name its code, exactly as it is written. Put "?" if you cannot read every '
    "character of it. Names: {names}"
)


class ChatModel(Protocol):
    """A chat model of LangChain, as far as a trial needs it."""

    def invoke(self, input: Any) -> Any:
        """The model's answer to messages."""
        ...


@dataclass(frozen=True, slots=True)
class TrialRow:
    """The answers about sheets of one density; `price` is what a sheet was billed, None if the
    model does not tell its usage, `expected_price` what the profile says.
    """

    density_px2: float
    n_pages: int
    n: int
    exact: int
    abstained: int
    silent: int
    price: float | None
    expected_price: float

    def receipt(self, model: str, source: str) -> Receipt:
        """The row as a receipt of this day."""
        return Receipt(
            model=model_id(model),
            face="sans",
            density_px2=self.density_px2,
            n=self.n,
            exact=self.exact,
            silent=self.silent,
            source=source,
            date=date.today().isoformat(),
            price=self.price,
        )


def measure_host(
    model: ChatModel,
    host: HostProfile,
    texts: Sequence[str],
    *,
    densities: Sequence[float] = (),
    n_pages: int = 2,
    n_facts: int = 10,
    seed: int = 0,
) -> list[TrialRow]:
    """Show full sheets of each density, by default those of the profile, and count the answers.

    A sheet is a call, and a call without a picture tells what the words cost. Raises `InputError`
    if the texts do not fill the sheets.
    """
    px2s = densities or tuple(density.px2 for density in host.densities)
    return [_row(model, host, texts, px2, n_pages, n_facts, seed) for px2 in px2s]


def _row(
    model: ChatModel,
    host: HostProfile,
    texts: Sequence[str],
    px2: float,
    n_pages: int,
    n_facts: int,
    seed: int,
) -> TrialRow:
    counts = {"exact": 0, "abstained": 0, "silent": 0}
    prices: list[float] = []
    expected_price = 0
    for i, page_texts in enumerate(_page_texts(texts, host, px2, n_pages)):
        sheet, facts = _full_sheet(page_texts, host, px2, n_facts, seed + i)
        expected_price += sheet.n_tokens
        question = _question(facts)
        answer = model.invoke([{"role": "user", "content": [question, _picture(sheet)]}])
        words_alone = model.invoke([{"role": "user", "content": [question]}])
        price = _price(answer, words_alone)
        prices += [] if price is None else [price]
        for fact, value in _answers(answer, facts):
            counts[_outcome(fact, value)] += 1
    return TrialRow(
        density_px2=px2,
        n_pages=n_pages,
        n=n_pages * n_facts,
        price=sum(prices) / len(prices) if prices else None,
        expected_price=expected_price / n_pages,
        **counts,
    )


def _page_texts(
    texts: Sequence[str], host: HostProfile, px2: float, n_pages: int
) -> list[list[str]]:
    """Texts for each sheet, a little more than it holds."""
    n_chars = host.sheet.width_px * host.sheet.height_px / px2
    pages: list[list[str]] = [[]]
    for text in texts:
        if sum(map(len, pages[-1])) > n_chars:
            pages.append([])
            if len(pages) > n_pages:
                return pages[:n_pages]
        pages[-1].append(text[: int(n_chars) // 8])
    raise InputError(
        f"the texts do not fill {n_pages} sheets of {n_chars:.0f} characters: give more text"
    )


def _full_sheet(
    texts: Sequence[str], host: HostProfile, px2: float, n_facts: int, seed: int
) -> tuple[Sheet, list[Planted]]:
    """A single sheet of as many texts as it holds beside the facts, and the facts."""
    n_texts = len(texts)
    while True:
        page_texts, facts = plant(texts[:n_texts], n_facts, seed)
        sheets = lay_sheets(_pieces(page_texts, px2), host)
        if len(sheets) == 1:
            return sheets[0], facts
        n_texts -= max(1, n_texts // 40)


def _pieces(texts: Sequence[str], px2: float) -> list[Piece]:
    pieces: list[Piece] = []
    for i, text in enumerate(texts, 1):
        pieces += [Piece(f"note {i}:", Type(px2), is_label=True), Piece(run_on(text), Type(px2))]
    return pieces


def _question(facts: Sequence[Planted]) -> dict[str, Any]:
    names = ", ".join(fact.name for fact in facts)
    return block_in("langchain", QUESTION.format(legend=SHEET_LEGEND, names=names))


def _picture(sheet: Sheet) -> dict[str, Any]:
    return block_in("langchain", sheet)


def _price(answer: object, words_alone: object) -> float | None:
    """Input tokens of the picture; None if the model does not tell its usage."""
    costs: list[int] = []
    for message in (answer, words_alone):
        usage = getattr(message, "usage_metadata", None)
        if isinstance(usage, Mapping) and isinstance(usage.get("input_tokens"), int):
            costs.append(usage["input_tokens"])
    return costs[0] - costs[1] if len(costs) == 2 else None


def _answers(answer: object, facts: Sequence[Planted]) -> list[tuple[Planted, str]]:
    """Each fact with the value that the model gave; "?" if it gave none."""
    match = re.search(r"\{.*\}", str(getattr(answer, "text", "")), re.DOTALL)
    try:
        values = json.loads(match[0]) if match else {}
    except ValueError:
        values = {}
    by_name = {str(name).casefold(): value for name, value in values.items()}
    return [(fact, str(by_name.get(fact.name.casefold(), UNSURE)).strip()) for fact in facts]


def _outcome(fact: Planted, value: str) -> str:
    if value == fact.value:
        return "exact"
    return "abstained" if value in (UNSURE, "") else "silent"
