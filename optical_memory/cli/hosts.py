"""The command `hosts`: models that look at pictures, their prices, and who measured what."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import AsJson
from optical_memory.cli.output import Run, table
from optical_memory.hosts import HOSTS, HostProfile, find_host, host_named
from optical_memory.hosts.receipts import receipts_file, user_receipts

__all__ = [
    "hosts",
]

HEADINGS = ["host", "picture", "open", "px²/char", "full sheet", "text ×", "date"]
RECEIPT_HEADINGS = ["model", "source", "type", "px²/char", "n", "exact", "silent", "passes"]


def hosts(
    model: Annotated[
        str | None, typer.Option(help="Only the profile of this model; its receipts are shown.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only this profile.")] = None,
    as_json: AsJson = False,
) -> None:
    """The models that look at pictures: prices, limits, densities and receipts.

    A host is open if somebody measured that it reads a density; all others get text.
    """
    run = Run("hosts", as_json)
    profiles = _profiles(model, name)
    rows = [_row(profile) for profile in profiles]
    own = [receipt.model_dump() for receipt in user_receipts()]
    run.finish(
        lambda out: _show(out, rows, has_receipts=len(rows) == 1),
        rows,
        receipts_file=str(receipts_file()),
        own_receipts=own,
    )


def _profiles(model: str | None, name: str | None) -> list[HostProfile]:
    if name is not None:
        return [host_named(name)]
    if model is None:
        return list(HOSTS)
    profile = find_host(model)
    return [] if profile is None else [profile]


def _row(host: HostProfile) -> dict[str, Any]:
    size = host.sheet
    return {
        "name": host.name,
        "patterns": list(host.patterns),
        "is_open": host.is_open,
        "price": host.price.formula,
        "sheet": [size.width_px, size.height_px],
        "sheet_tokens": host.price.tokens(size.width_px, size.height_px),
        "densities": [[step.from_age, step.px2] for step in host.densities],
        "open_densities": [[step.from_age, step.px2] for step in host.open_densities],
        "beside": host.beside,
        "text_factor": host.text_factor,
        "max_images": host.limits.max_images,
        "max_side_px": host.limits.max_side_px,
        "max_bytes": host.limits.max_bytes,
        "date": host.date,
        "sources": list(host.sources),
        "receipts": [
            receipt.model_dump() | {"passes": receipt.passes} for receipt in host.receipts
        ],
    }


def _show(out: Console, rows: list[dict[str, Any]], *, has_receipts: bool) -> None:
    if not rows:
        out.print("Nobody measured this model: it gets text.")
        return
    out.print(table("Models that look at pictures", HEADINGS, [_cells(row) for row in rows]))
    if has_receipts and rows[0]["receipts"]:
        cells = [_receipt_cells(receipt) for receipt in rows[0]["receipts"]]
        out.print(table("Receipts", RECEIPT_HEADINGS, cells, n_words=2))


def _cells(row: dict[str, Any]) -> list[object]:
    steps = row["open_densities"] or row["densities"]
    return [
        row["name"],
        row["price"],
        "yes" if row["is_open"] else "no",
        ", ".join(f"{px2:g}" for _, px2 in steps),
        row["sheet_tokens"],
        f"{row['text_factor']:g}",
        row["date"],
    ]


def _receipt_cells(receipt: dict[str, Any]) -> list[object]:
    silent = receipt["silent"]
    return [
        receipt["model"],
        receipt["source"],
        receipt["face"],
        f"{receipt['density_px2']:g}",
        receipt["n"],
        receipt["exact"],
        "–" if silent is None else silent,
        "yes" if receipt["passes"] else "no",
    ]
