"""The published profiles of OpenAI's models."""

from __future__ import annotations

from dataclasses import replace

from optical_memory.hosts.prices import PatchPrice, TilePrice
from optical_memory.hosts.profile import HostProfile, Limits, SheetSize
from optical_memory.hosts.published_parts import MIB, PXPIPE, SAFE, receipt

__all__ = [
    "OPENAI_HOSTS",
]

O200K = 0.96
"""Tokens of o200k for one of ours: the least of three sources (0.96 to 1.00, LOG.md)."""

OPENAI_LIMITS = Limits(max_images=50, max_side_px=2048, max_bytes=20 * MIB)

OPENAI_SHEET = SheetSize(1024, 1024, 32)

TALL_TILES = SheetSize(512, 2048, 512)
"""A column of tiles, so that no line is cut in two."""

GPT_6 = HostProfile(
    name="gpt-6",
    patterns=(r"gpt-6(?:$|[-.@])", r"gpt-5[.][4-9](?:$|[-.@])"),
    price=PatchPrice(32, percent=120),
    limits=OPENAI_LIMITS,
    sheet=OPENAI_SHEET,
    densities=SAFE,
    beside="identifiers",
    text_factor=O200K,
    date="2026-11-27",
    sources=(
        "Hugging Face JOHNISKING/image-token-cost, recomputed: residual 0 at 10 sizes",
        "vision-squeezer 0.6.2",
    ),
    receipts=(
        receipt("gpt-5.6", "pixel", 40.0, 0, 15, PXPIPE, "2026-07"),
        receipt("gpt-5.6", "pixel", 144.0, 7, 8, PXPIPE, "2026-07", 0),
    ),
)

GPT_5 = HostProfile(
    name="gpt-5",
    patterns=(r"gpt-5(?:$|[-@:])", r"gpt-5[.]1(?:$|[-@:])"),
    price=TilePrice(70, 140),
    limits=OPENAI_LIMITS,
    sheet=TALL_TILES,
    densities=SAFE,
    beside="identifiers",
    text_factor=O200K,
    date="2026-07",
    sources=("OpenAI, vision guide",),
)

GPT_4O = replace(
    GPT_5,
    name="gpt-4o",
    patterns=(r"gpt-4o(?:$|[-@:])", r"gpt-4[.]1(?:$|[-@:])"),
    price=TilePrice(85, 170),
)

GPT_4O_MINI = replace(
    GPT_5,
    name="gpt-4o-mini",
    patterns=(r"gpt-4o-mini",),
    price=TilePrice(2833, 5667),
)

GPT_41_MINI = replace(
    GPT_5,
    name="gpt-4.1-mini",
    patterns=(r"gpt-4[.]1-mini",),
    price=PatchPrice(32, percent=162),
    sheet=OPENAI_SHEET,
    sources=("OpenAI, vision guide: at most 1,536 patches",),
)

GPT_41_NANO = replace(
    GPT_41_MINI,
    name="gpt-4.1-nano",
    patterns=(r"gpt-4[.]1-nano",),
    price=PatchPrice(32, percent=246),
)

OPENAI_HOSTS = (GPT_6, GPT_5, GPT_4O_MINI, GPT_41_MINI, GPT_41_NANO, GPT_4O)
"""Of two that match a model, the first is its own."""
