"""The published profiles: prices, limits and receipts with their dates and sources.

A price is what a picture of that size is billed as input. Sizes stay within what a provider takes
without making the picture smaller. The ages of the densities are nobody's measurement.
"""

from __future__ import annotations

from dataclasses import replace

from optical_memory.hosts.prices import AreaPrice, FlatPrice, PatchPrice, TilePrice
from optical_memory.hosts.profile import Density, HostProfile, Limits, SheetSize
from optical_memory.hosts.published_openai import OPENAI_HOSTS
from optical_memory.hosts.published_parts import MIB, PXPIPE, SAFE, receipt

__all__ = [
    "HOSTS",
]

SHEETS = "12 facts on a sheet as it is drawn now, each with a twin, read blind, by this project"
OURS = "10 random facts a page planted in LoCoMo talk, read blind at native size, by this project"

DENSE = (Density(0, 50.0), Density(256, 40.0), Density(1024, 35.0))
"""For models that read 35 px²: the newest passages a good deal larger than they must be."""

CLAUDE_LIMITS = Limits(max_images=20, max_side_px=1568, max_bytes=20 * MIB)
"""More than 20 pictures must be smaller; requests fail past about 20 MiB (pxpipe #157)."""

CLAUDE_SHEET = SheetSize(1036, 1036, 28)
"""37 x 37 patches, about the size that was measured (1024 px). The encoder of newer models does not
get the pixels of a larger picture, though they are billed (OmniGlyph).
"""

CLAUDE_SOURCES = (
    "Anthropic, vision guide, July 2026",
    "OmniGlyph, sweep of 22 sizes, residual 0, 5 July 2026",
)

GEMINI_LIMITS = Limits(max_images=50, max_side_px=3072, max_bytes=15 * MIB)

CLAUDE_5 = HostProfile(
    name="claude-5",
    patterns=(r"claude-(?:opus|fable)-5(?:$|[-.@])",),
    price=PatchPrice(28, per_block=3),
    limits=CLAUDE_LIMITS,
    sheet=CLAUDE_SHEET,
    densities=DENSE,
    beside="lookalikes",
    date="2026-11-27",
    sources=(
        *CLAUDE_SOURCES,
        "oh-my-pi #4615: 2.65 characters a token of a system prompt, of which ours has 3.28",
    ),
    text_factor=1.2,
    receipts=(
        receipt("a current Claude model", "sans", 60.0, 39, 40, OURS, "2026-11-27"),
        receipt("a current Claude model", "sans", 50.0, 36, 40, OURS, "2026-11-27"),
        receipt("a current Claude model", "sans", 45.0, 15, 20, OURS, "2026-11-27"),
        receipt("a current Claude model", "sans", 40.0, 58, 60, OURS, "2026-11-27"),
        receipt(
            "a current Claude model", "sans", 40.0, 35, 40, f"{OURS}; 6 of 10 base62", "2026-11-27"
        ),
        receipt("a current Claude model", "sans", 35.0, 20, 20, OURS, "2026-11-27"),
        receipt("a current Claude model", "sans", 30.0, 9, 20, OURS, "2026-11-27"),
        receipt("a current Claude model", "sans", 50.0, 12, 12, SHEETS, "2026-11-27", 0),
        receipt("a current Claude model", "sans", 40.0, 11, 12, SHEETS, "2026-11-27", 1),
        receipt("a current Claude model", "sans", 35.0, 12, 12, SHEETS, "2026-11-27", 0),
        receipt("claude-fable-5", "pixel", 40.0, 30, 30, "OmniGlyph, 1 bit", "2026-07-05", 0),
        receipt("claude-opus-5", "pixel", 40.0, 3, 26, PXPIPE, "2026-07", 10),
        receipt("claude-opus-5", "pixel", 144.0, 100, 100, PXPIPE, "2026-07"),
    ),
)

CLAUDE_4 = HostProfile(
    name="claude-4",
    patterns=(
        r"claude-(?:opus|sonnet|haiku)-4(?:$|[-.@](?:[0-6](?!\d)|20\d{6}))",
        r"claude-3",
    ),
    price=PatchPrice(28, per_block=4),
    limits=CLAUDE_LIMITS,
    sheet=CLAUDE_SHEET,
    densities=SAFE,
    beside="identifiers",
    date="2026-07-05",
    sources=CLAUDE_SOURCES,
)

CLAUDE_4_7 = replace(
    CLAUDE_4,
    name="claude-4.7",
    patterns=(r"claude-opus-4[-.][789](?:$|[-.@])", r"claude-(?:sonnet|haiku)-5(?:$|[-.@])"),
    price=PatchPrice(28, per_block=3),
    text_factor=1.2,
    receipts=(
        receipt("claude-opus-4-8", "pixel", 144.0, 8, 8, PXPIPE, "2026-07", 0),
        receipt("claude-opus-4-8", "pixel", 40.0, 0, 15, PXPIPE, "2026-07"),
    ),
)

GEMINI_3 = HostProfile(
    name="gemini-3",
    patterns=(r"gemini-3(?:$|[-.])",),
    price=FlatPrice(1120),
    limits=GEMINI_LIMITS,
    sheet=SheetSize(1068, 1068, 4),
    densities=SAFE,
    beside="identifiers",
    date="2026-07",
    sources=("Google, media resolution HIGH, the default",),
)

GEMINI_FLASH = replace(
    GEMINI_3,
    name="gemini-3.6-flash",
    patterns=(r"gemini-3[.][67]-flash",),
    sources=(*GEMINI_3.sources, "pxpipe: 1,065 to 1,101 billed, whatever the size"),
    receipts=(
        # Of pixel type; ours is never denser. Proportional type of the same area was read better
        # by the model that read both (see LOG.md).
        receipt("gemini-3.6-flash", "pixel", 40.0, 14, 15, PXPIPE, "2026-07", 0),
        receipt("gemini-3.7-flash", "pixel", 40.0, 14, 15, PXPIPE, "2026-07", 0),
    ),
)

GEMINI_2 = HostProfile(
    name="gemini-2",
    patterns=(r"gemini-2(?:$|[-.])",),
    price=TilePrice(0, 258, tile_px=768, shorter_px=3072),
    limits=GEMINI_LIMITS,
    sheet=SheetSize(768, 1536, 768),
    densities=SAFE,
    beside="identifiers",
    date="2026-07",
    sources=("Google, 258 tokens a tile of 768 px",),
    receipts=(receipt("gemini-2.5-flash", "pixel", 40.0, 0, 26, PXPIPE, "2026-07", 25),),
)

GROK = HostProfile(
    name="grok",
    patterns=(r"grok-4(?:$|[-.])",),
    price=AreaPrice(1000),
    limits=Limits(max_images=20, max_side_px=2048, max_bytes=20 * MIB),
    sheet=SheetSize(1024, 1024, 8),
    densities=SAFE,
    beside="identifiers",
    date="2026-07",
    sources=("pxpipe, about 1,000 tokens a megapixel",),
    receipts=(
        receipt("grok-4.5", "pixel", 40.0, 0, 8, PXPIPE, "2026-07"),
        receipt("grok-4.5", "pixel", 144.0, 4, 8, PXPIPE, "2026-07", 4),
    ),
)

QWEN_VL = HostProfile(
    name="qwen-vl",
    patterns=(r"qwen3[.]?\d*-vl", r"qwen3[.]8"),
    price=PatchPrice(32),
    limits=Limits(max_images=20, max_side_px=2048, max_bytes=10 * MIB),
    sheet=SheetSize(1024, 1024, 32),
    densities=SAFE,
    beside="identifiers",
    text_factor=1.01,  # the least of three sources, 1.01 to 1.12 (LOG.md)
    date="2026-07",
    sources=("Qwen3-VL's processor: a token for 32 x 32 px", "pxpipe: 1,000 a megapixel for 3.8"),
    receipts=(
        receipt("qwen3.8-27b", "pixel", 40.0, 0, 15, PXPIPE, "2026-07"),
        receipt("qwen3.8-27b", "pixel", 144.0, 11, 15, PXPIPE, "2026-07"),
    ),
)

DEEPSEEK_FLASH = HostProfile(
    name="deepseek-flash",
    patterns=(r"deepseek-v4[.]1-flash", r"deepseek-flash"),
    price=FlatPrice(384),
    limits=Limits(max_images=20, max_side_px=2000, max_bytes=10 * MIB),
    sheet=SheetSize(1024, 1024, 4),
    densities=SAFE,
    beside="identifiers",
    date="2026-09-10",
    sources=("at most 384 a picture, by size; 2000² and 4000² were billed 346",),
)

HOSTS: tuple[HostProfile, ...] = (
    CLAUDE_5,
    CLAUDE_4_7,
    CLAUDE_4,
    *OPENAI_HOSTS,
    GEMINI_FLASH,
    GEMINI_3,
    GEMINI_2,
    GROK,
    QWEN_VL,
    DEEPSEEK_FLASH,
)
"""Every published profile; of two that match a model, the first is its own."""
