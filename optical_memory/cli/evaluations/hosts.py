"""The command `eval host`: a receipt of what a chat model reads, with the user's own key."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import AsJson
from optical_memory.cli.output import Run, table
from optical_memory.errors import InputError, MissingExtra
from optical_memory.hosts import find_host, host_named
from optical_memory.hosts.receipts import receipts_file, write_receipts

__all__ = [
    "host",
    "open_chat_model",
]

HEADINGS = ["px²/char", "pages", "facts", "exact", "abstained", "silently wrong", "billed", "price"]


def host(
    model: Annotated[str, typer.Option(help="PROVIDER:MODEL, as LangChain's init_chat_model.")],
    pages: Annotated[Path, typer.Option(help="JSON lines with 'text', or conversations.")],
    densities: Annotated[
        str, typer.Option(help="px² a character: 60,50,40; else those of the profile.")
    ] = "",
    profile: Annotated[
        str | None, typer.Option(help="A name of `optical-memory hosts`, for a new model.")
    ] = None,
    n_pages: Annotated[int, typer.Option(min=1, help="Sheets of each density, a call each.")] = 2,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the receipts: they open this model.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which facts are planted.")] = 0,
    as_json: AsJson = False,
) -> None:
    """What a chat model reads on sheets: planted facts read exactly, abstained, silently wrong.

    It calls the model twice for each sheet, at your expense.
    """
    from optical_memory.measure.hosts.trial import measure_host
    from optical_memory.measure.page_pool import read_source
    from optical_memory.turns import body

    host_profile = find_host(model) if profile is None else host_named(profile)
    if host_profile is None:
        raise InputError(f"no profile matches {model!r}: name a profile with --profile")
    run = Run("eval host", as_json, seed=seed)
    texts = [body(placed.turn) for placed in read_source(pages).turns]
    results = measure_host(
        open_chat_model(model),
        host_profile,
        [text for text in texts if text.strip()],
        densities=_numbers(densities),
        n_pages=n_pages,
        seed=seed,
    )
    receipts = [result.receipt(model, f"eval host on {pages.name}") for result in results]
    if save:
        write_receipts(receipts, receipts_file())
    rows = [
        asdict(result) | {"passes": receipt.passes}
        for result, receipt in zip(results, receipts, strict=True)
    ]
    run.finish(
        lambda out: _show(out, model, rows),
        rows,
        model=model,
        profile=host_profile.name,
        saved=str(receipts_file()) if save else None,
    )


def open_chat_model(name: str) -> Any:
    """A chat model of LangChain. Raises `MissingExtra` if LangChain is not installed."""
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise MissingExtra(
            "eval host needs LangChain: `pip install 'optical-memory[langchain]'`"
        ) from error
    return init_chat_model(name, temperature=0)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no list of numbers", param_hint="--densities"
        ) from error


def _show(out: Console, model: str, rows: list[dict[str, Any]]) -> None:
    cells = [
        [
            f"{row['density_px2']:g}",
            row["n_pages"],
            row["n"],
            row["exact"],
            row["abstained"],
            row["silent"],
            "–" if row["price"] is None else f"{row['price']:.0f}",
            f"{row['expected_price']:.0f}",
        ]
        for row in rows
    ]
    out.print(table(f"What {model} reads", HEADINGS, cells))
