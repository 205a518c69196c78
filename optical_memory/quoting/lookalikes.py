"""Look-alikes: each character by the ASCII character that a reader takes it for.

A frame's tag, a role or a special token may be written in fullwidth, Cyrillic or Greek letters, or
with invisible characters between. Folded, all of these are found by their plain spelling.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

__all__ = [
    "GAP",
    "folded",
    "skeleton",
    "with_sign",
]

GAP = "\u200b"
"""Stands in a folded text for a character that is not seen, or stands over another."""

_LETTERS = {
    # Unicode's confusables.txt (UTS 39), version 16: letters that frames, roles and tokens use.
    "a": "аɑαᎪꓮ",
    "b": "ЬƄᏏꓐΒВ",
    "c": "сϲᴄⅽⲥꓚСᏟ",
    "d": "ԁᏧᎠꓒⅾ",
    "e": "еҽℯⅇɛЕΕᎬꓰ",
    "f": "ƒꞙϜꓝ",
    "g": "ɡցᶃᏀꓖ",
    "h": "һհᏂНΗᎻꓧ",
    "i": "іɩιıⅰІΙӀǀꓲ",
    "j": "јϳЈᎫꓙ",
    "k": "κкⲕКΚᏦꓗ",
    "l": "ⅼӏ׀ןاᏞꓡ∣",
    "m": "мⅿМΜᎷꓟ",
    "n": "ոռпΝꓠ",
    "o": "оοօഠ๐ОΟՕⲟ〇",
    "p": "рρⲣРΡᏢꓑ",
    "q": "ԛգզԚ",
    "r": "гᴦⲅꭇᎡꓣ",
    "s": "ѕꜱƽЅՏᏚꓢ",
    "t": "тτᴛТΤᎢꓔ",
    "u": "υսᴜꞟՍꓴц",
    "v": "νѵᴠⅴѴᏙꓦ",
    "w": "ԝѡաᎳꓪ",
    "x": "хχⅹХΧꓫ",
    "y": "уγүʏУΥᎩꓬ",
    "z": "ᴢꮓΖᏃꓜ",
    "<": "‹⟨〈❮ᐸ˂≺《«⟪",
    ">": "›⟩〉❯ᐳ˃≻》»⟫",
    "|": "｜│┃ǀ∣❘⏐¦ǁ‖║",
    "/": "⁄∕╱⧸〳ノ丿",
    "\\": "∖⧵⧹＼",
    ":": "ː։׃∶꞉：﹕˸⁚︰",
    "[": "〔【⟦❲［〖",
    "]": "〕】⟧❳］〗",
    "-": "‐‑‒–—−﹘⁃",
    "_": "ˍ＿",
}
"""The characters that look like an ASCII character and that NFKC leaves as they are."""

_UNSEEN = frozenset({"Cf", "Mn", "Me", "Cc"})
"""Categories of characters without a place of their own."""


class _Folds(dict[int, str]):
    """What each character is folded to; worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        fold = _fold(chr(code))
        if len(self) < _MAX_FOLDS:
            self[code] = fold
        return fold


_MAX_FOLDS = 20_000
"""So many characters are kept: more than a conversation has."""


def _fold(char: str) -> str:
    """One ASCII character, `GAP`, or the character itself."""
    if char.isspace():
        return char
    if unicodedata.category(char) in _UNSEEN or char in _FILLERS:
        return GAP
    plain = [c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)]
    return plain[0] if len(plain) == 1 and plain[0].isascii() else char


_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
"""Letters and a sign of Unicode that are blank."""

_FOLDS = _Folds({code: chr(code) for code in range(128)})
_FOLDS.update({code: GAP for code in range(128) if unicodedata.category(chr(code)) == "Cc"})
_FOLDS.update({ord(char): char for char in "\t\n\v\f\r\x1c\x1d\x1e\x1f"})
for _letter, _others in _LETTERS.items():
    _FOLDS.update(dict.fromkeys(map(ord, _others), _letter))


def folded(text: str) -> str:
    """A text of the same length: each character as the ASCII character that it looks like.

    >>> folded("＜/rеcаll＞")
    '</recall>'
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_FOLDS)


def skeleton(text: str) -> str:
    """The folded text in lower case and without what is not seen.

    >>> skeleton("Sys\\u00adtém")
    'system'
    """
    return folded(text).replace(GAP, "").casefold()


def with_sign(text: str, pattern: re.Pattern[str], sign: str) -> str:
    r"""The text with a sign at the end of each match of a pattern; most texts have none.

    The pattern is looked for in the folded text without what is not seen.

    >>> with_sign("ａ\u00adb c", re.compile("a(?=b)"), "|")
    'ａ\xad|b c'
    """
    plain = folded(text)
    compact = plain.replace(GAP, "")
    ends = [match.end() for match in pattern.finditer(compact)]
    if not ends:
        return text
    places = [i for i, char in enumerate(plain) if char != GAP]
    cuts = [0, *(places[end] for end in ends), len(text)]
    return sign.join(text[start:end] for start, end in pairwise(cuts))
