"""Texts and conversations that readers are measured on."""

from __future__ import annotations

import json
from pathlib import Path

from optical_memory.measure import FidelityRow, from_texts, measure_fidelity
from optical_memory.readers.base import Reader
from optical_memory.renderers import PageRenderer
from optical_memory.testing import SMALL_GRID

RENDERER = PageRenderer(SMALL_GRID)
ROWS = SMALL_GRID.rows * SMALL_GRID.text_columns

TEXTS = [
    f"{i}. The harbour office opened at seven and ticket HB-{4000 + i} was sold "
    "for 12.50 EUR to a sailor. Nobody asked him for his name, and he wrote it down "
    "all the same, in a hand that was hard to read."
    for i in range(24)
]
SOURCE = from_texts(TEXTS)


def fidelity(
    texts: list[str], reader: Reader, *, limit: int | None = None, seed: int = 0
) -> list[FidelityRow]:
    """What `eval fidelity` measures on full pages of these texts."""
    return measure_fidelity([from_texts(texts)], reader, limit=limit, seed=seed)


def chat(folder: Path, name: str = "chat.json", turns: int = 40) -> Path:
    """A conversation in a file, of a user and an assistant in turn."""
    messages = [
        {
            "role": ("user", "assistant")[i % 2],
            "content": f"Berth {i} is free from {i % 24}:00, and the pilot wants {i + 70} EUR.",
        }
        for i in range(turns)
    ]
    file = folder / name
    file.write_text(json.dumps(messages), encoding="utf-8")
    return file


def texts_file(folder: Path, name: str = "pages.jsonl") -> Path:
    """`TEXTS` in a file of JSON lines."""
    lines = [json.dumps({"text": text, "source": "none"}) for text in TEXTS]
    file = folder / name
    file.write_text("\n".join(lines), encoding="utf-8")
    return file
