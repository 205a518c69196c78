"""Views of a text: as it stands, folded to plain letters, and decoded from usual codes."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata

from optical_memory.quoting.lookalikes import skeleton

__all__ = [
    "decoded_views",
    "plain_view",
]

_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){12,}", re.IGNORECASE)
_SPACED = re.compile(r"(?:\b\w {1,3}){8,}\w\b")
_SINGLE_BLANK = re.compile(r"(?<=\w) (?=\w)")
_LEET = str.maketrans("431057@$", "aeiostas")
_LEET_WORD = re.compile(r"\b(?=\w*[431057])(?=\w*[a-z])\w{4,}\b")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_BITS = re.compile("[\u200b\u200c]{16,}")
_JSON = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[bfnrtv])")
_ENTITIES = re.compile(r"(?:&#\d{2,5};){4,}")
_TURNED = re.compile("[\u202d\u202e]([^\u202c]{4,})")
_ROT13 = re.compile(r"\brot ?-?13\b", re.IGNORECASE)
_BACKWARDS = re.compile(r"\bback-?wards?\b|\breversed?\b", re.IGNORECASE)


def plain_view(text: str) -> str:
    """The text in lower case, without accents, look-alikes and what is not seen."""
    lines = unicodedata.normalize("NFKC", text).casefold()
    return "\n".join(_plain_line(line) for line in lines.splitlines())


def _plain_line(line: str) -> str:
    """A line with its look-alikes folded if most of its letters are Latin."""
    if line.isascii():
        return line
    letters = [char for char in line if char.isalpha()]
    n_latin = sum(char.isascii() for char in letters)
    if 3 * n_latin >= len(letters):
        return skeleton(line)
    plain = unicodedata.normalize("NFD", line)
    return unicodedata.normalize("NFC", plain.replace("\u0301", ""))


def decoded_views(text: str) -> list[str]:
    """What stands in codes in the text; none if it has no code."""
    views = [_base64(match[0]) for match in _BASE64.finditer(text)]
    views += [_bytes(bytes.fromhex(match[0])) for match in _HEX.finditer(text)]
    views += [_SINGLE_BLANK.sub("", match[0]) for match in _SPACED.finditer(text)]
    views += ["".join(chr(ord(c) - 0xE0000) for c in m[0]) for m in _TAGS.finditer(text)]
    views += [_bytes(bytes(map(_byte, match[0]))) for match in _VARIATIONS.finditer(text)]
    views += [_from_bits(match[0]) for match in _BITS.finditer(text)]
    views += [html.unescape(match[0]) for match in _ENTITIES.finditer(text)]
    views += [match[1][::-1] for match in _TURNED.finditer(text)]
    if len(_LEET_WORD.findall(text)) >= 2:
        views.append(text.translate(_LEET))
    if _ROT13.search(text):
        views.append(codecs.encode(text, "rot13"))
    if _BACKWARDS.search(text):
        views.append(text[::-1])
    if _JSON.search(text):
        plain = _JSON.sub(_unescaped, text).encode("utf-16", "surrogatepass")
        views.append(plain.decode("utf-16", "replace"))
    return [view for view in views if view]


def _unescaped(match: re.Match[str]) -> str:
    """The character that an escape of JSON stands for."""
    escape = match[0]
    return chr(int(f"0x{escape[2:]}", base=0)) if len(escape) > 2 else f"{_ESCAPES[escape[1]]}"


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _base64(text: str) -> str:
    try:
        return _bytes(base64.b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _bytes(data: bytes) -> str:
    """The words of these bytes; empty if they are no text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _byte(char: str) -> int:
    code = ord(char)
    return code - 0xFE00 if code < 0xE0100 else (code - 0xE0100 + 16) % 256


def _from_bits(bits: str) -> str:
    number = bits.replace("\u200b", "0").replace("\u200c", "1")
    return _bytes(bytes(int(number[i : i + 8], 2) for i in range(0, len(number) - 7, 8)))
