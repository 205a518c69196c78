"""Every regular expression of the package takes time in proportion to its text.

The texts are made from the patterns themselves: what they repeat is repeated, with an end that
cannot match. A new pattern is tested without a word here.
"""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest
from support.patterns import PackagePattern, attacks, package_patterns

METHODS_OF_LISTS = {
    "loaders.logs.headed._HEADS": {"fullmatch"},
    "loaders.logs.marks._FORMS": {"fullmatch"},
    "loaders.logs.text_log._STAMPED": {"match"},
    "loaders.logs.whatsapp._FORMS": {"fullmatch"},
    "loaders.logs.whatsapp_notices.EDITED": {"search", "fullmatch"},
    "loaders.written_times._REST": {"fullmatch"},
}
"""Patterns that are called by another name: by which methods."""

SHORT_TEXTS = {
    "loaders.logs.marks._FORMS": "lines of at most 200 characters, if they may have no words",
    "loaders.logs.marks._LABEL": "labels of such lines",
    "loaders.written_times._REST": "texts of at most 100 characters",
    "quoting.injection.": "windows of at most 240 characters",
    "readers.deepseek.grounding.MARK": "what a decoder wrote, a few thousand tokens at most",
    "search.times.questions._KINDS": "the ends of a question, 2,000 characters in all",
    "measure/hosts/trial.py": "the answer of a model to a trial, as long as the trial allows",
}
"""Patterns that are only given short texts, and why those are short."""

N_CHARS = 4_000
FLOOR_SECONDS = 0.003
"""A linear pattern reads so many characters in well under a millisecond."""

GROWTH = 2.6
"""Twice the text takes at most so much longer; the rest is noise."""


class _TooLongError(BaseException):
    """A pattern ran for seconds."""


def seconds(pattern: PackagePattern, method: str, text: Any) -> float:
    """CPU time of a pattern on a text."""
    start = time.process_time()
    if method in ("match", "fullmatch"):
        getattr(pattern.pattern, method)(text)
    else:
        for _ in pattern.pattern.finditer(text):
            pass
    return time.process_time() - start


def is_linear(pattern: PackagePattern, method: str, attack: Any) -> bool:
    is_bytes = isinstance(pattern.pattern.pattern, bytes)
    last = seconds(pattern, method, attack.text(N_CHARS, is_bytes=is_bytes))
    if last < FLOOR_SECONDS:
        return True
    for n in (2 * N_CHARS, 4 * N_CHARS):
        text = attack.text(n, is_bytes=is_bytes)
        now = min(seconds(pattern, method, text) for _ in range(2))
        if now <= GROWTH * last:
            return True
        last = now
    return False


def methods_of(pattern: PackagePattern) -> set[str]:
    name = pattern.place.removeprefix("optical_memory.")
    methods = METHODS_OF_LISTS.get(name) or pattern.methods or {"search", "match", "fullmatch"}
    slow = {"search", "finditer", "findall", "sub", "subn", "split"}
    return {"finditer" if method in slow else method for method in methods}


@pytest.mark.timeout(600)
def test_every_pattern_reads_hostile_texts_in_linear_time():
    def stop(_signal: int, _frame: object) -> None:
        raise _TooLongError

    patterns = package_patterns()
    assert len(patterns) > 200
    slow: dict[str, object] = {}
    old_handler = signal.signal(signal.SIGALRM, stop)
    try:
        for pattern in patterns:
            if any(name in pattern.place for name in SHORT_TEXTS):
                continue
            for attack in attacks(pattern.pattern):
                for method in methods_of(pattern):
                    signal.setitimer(signal.ITIMER_REAL, 5)
                    try:
                        if is_linear(pattern, method, attack):
                            continue
                    except _TooLongError:
                        pass
                    slow.setdefault(f"{pattern.place} {method}", attack)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old_handler)
    assert slow == {}
