"""Eight letters in a text that make a CRC-32 of all of it end with the value that it began with.

So texts in a row can be checked in a single call: the sum over all of them ends with that value too
if every text is right. Checking 100,000 short texts one by one takes as long as parsing them. Each
letter is one of sixteen, and says four bits: they differ in the bits 1, 2, 8 and 32 of their codes,
and eight of them reach every CRC-32. Sixteen letters in a row do not.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final
from zlib import crc32

__all__ = ["LETTERS", "sum_letters"]

LETTERS: Final = 8
"""Four bits each make the 32 bits of a CRC-32."""

ALPHABET: Final = b"DEFGLMNOdefglmno"
BLANK: Final = ALPHABET[:1] * LETTERS
TO_LETTERS: Final = bytes.maketrans(b"0123456789abcdef", ALPHABET)

# A CRC-32 is a polynomial over two numbers, its highest bit the coefficient of 1, modulo this
# polynomial.
POLYNOMIAL: Final = 0xEDB88320
ONE: Final = 1 << 31
INVERSE_OF_X: Final = (POLYNOMIAL << 1 | 1) & 0xFFFFFFFF

LENGTHS: Final = 1 << 14
"""For so many lengths of texts the factor is remembered; most records are shorter."""


def sum_letters(head: bytes, tail: bytes, start: int, goal: int) -> bytes:
    """The letters between `head` and `tail` with which the CRC-32 from `start` ends at `goal`."""
    after = _times(goal ^ crc32(tail), _factor_back(len(tail)))  # the CRC-32 after the letters
    difference = after ^ crc32(BLANK, crc32(head, start))
    bits = 0
    for i, column in enumerate(_inverse()):
        if difference >> i & 1:
            bits ^= column
    return (b"%08x" % bits).translate(TO_LETTERS)


def _times(a: int, b: int) -> int:
    """The product of two polynomials."""
    product = 0
    while a:
        if a & ONE:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ (POLYNOMIAL if b & 1 else 0)
    return product


@lru_cache(maxsize=LENGTHS)
def _factor_back(n_bytes: int) -> int:
    """The factor that takes a CRC-32 back over so many bytes of zeros."""
    factor = ONE
    for i in range(n_bytes.bit_length()):
        if n_bytes >> i & 1:
            factor = _times(factor, _square_back(i))
    return factor


@cache
def _square_back(i: int) -> int:
    """The factor that takes a CRC-32 back over 2ⁱ bytes."""
    if i:
        return _times(_square_back(i - 1), _square_back(i - 1))
    factor = ONE
    for _ in range(8):
        factor = _times(factor, INVERSE_OF_X)
    return factor


@cache
def _inverse() -> tuple[int, ...]:
    """For each bit of a difference between CRC-32s, the bits of letters that make it.

    Gauss's elimination: each row is the difference that some bits of letters make, and those bits.
    """
    rows = [(_difference(1 << i), 1 << i) for i in range(32)]
    for i in range(32):
        pivot = next(row for row in rows[i:] if row[0] >> i & 1)
        rows.remove(pivot)
        rows = [_plus(row, pivot) if row[0] >> i & 1 else row for row in rows]
        rows.insert(i, pivot)
    return tuple(bits for _, bits in rows)


def _difference(bits: int) -> int:
    """How the CRC-32 changes if these bits of the blank letters change."""
    return crc32(BLANK) ^ crc32((b"%08x" % bits).translate(TO_LETTERS))


def _plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0] ^ b[0], a[1] ^ b[1]
