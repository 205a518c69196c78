"""Texts with and without facts of every kind, and the characters that a ledger has."""

from __future__ import annotations

from hypothesis import strategies as st

from optical_memory.ledger import Ledger

FACTS = [
    ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
    ("hash", "3f2a9c7b1d"),
    ("hash", "sha256:9f86d081884c7d65"),
    ("hash", "d41d8cd98f00b204e9800998ecf8427e"),
    ("hash", "0xDEADBEEF"),
    ("url", "https://example.org/a/b?c=d&e=1#f"),
    ("url", "redis://user@host:6379/0"),
    ("email", "mia.li+news@mail.example.co.uk"),
    ("path", "src/optical/pages.py"),
    ("path", "/etc/hosts"),
    ("path", "~/notes/.bashrc"),
    ("path", r"C:\Users\me\report.txt"),
    ("path", "README.md"),
    ("date", "2026-03-04"),
    ("date", "2026-03-04T12:30:00Z"),
    ("date", "12/03/2026"),
    ("date", "4 March 2026"),
    ("date", "March 4th, 2026"),
    ("time", "12:30:05"),
    ("time", "3pm"),
    ("time", "4:15 p.m."),
    ("amount", "$1,204.50"),
    ("amount", "1.5 million yen"),
    ("amount", "250 EUR"),
    ("number", "45%"),
    ("number", "1,234,567"),
    ("number", "3.14"),
    ("number", "#4512"),
    ("number", "42"),
    ("number", "1e-5"),
    ("number", "10⁶"),
    ("number", "10⁻¹²"),
    ("number", "12½"),
    ("phone", "+44 20 7946 0958"),
    ("phone", "(555) 123-4567"),
    ("version", "v1.2.3-rc1"),
    ("version", "10.2.6"),
    ("ip", "10.0.0.1:8080"),
    ("ip", "2001:db8:0:0:0:0:2:1"),
    ("mac", "00:1a:2b:3c:4d:5e"),
    ("identifier", "4K7Q2Z"),
    ("identifier", "EHGLPX"),
    ("identifier", "ORD-2024-881"),
    ("identifier", "snake_case_name"),
    ("identifier", "getUserById"),
    ("identifier", "MAX_LEN"),
    ("identifier", "@bob_smith"),
    ("code", "`pip install x`"),
]

ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=200) | st.lists(
    st.sampled_from(
        [fact for _, fact in FACTS]
        + [" ", "\n", "```", "`", ".", "/", "word", "é", "你", "\u0301", "7"]
    )
).map("".join)
"""Any signs at all, or facts and signs that may join them or part them."""


def offsets_of(ledger: Ledger) -> set[int]:
    """The offsets of all characters in a ledger's spans."""
    offsets: set[int] = set()
    for span in ledger.spans:
        offsets.update(range(span.start, span.end))
    return offsets
