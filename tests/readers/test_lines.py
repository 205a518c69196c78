"""Every reader takes the lines to read."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import pytest

from optical_memory.measure.watched_reader import WatchedReader
from optical_memory.pages import Layout
from optical_memory.readers.base import Reader
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.got.reader import GotReader
from optical_memory.readers.pocket import PocketReader
from optical_memory.readings import Reading
from optical_memory.testing import TemplateReader
from optical_memory.tokens import VisualTokens

READERS = [PocketReader, DeepseekReader, GotReader, TemplateReader, WatchedReader]


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_takes_lines_as_the_protocol_says(reader: type[Reader]):
    parameters = inspect.signature(reader.decode).parameters
    assert list(parameters) == ["self", "tokens", "layouts", "lines"]
    assert parameters["lines"].default is None


def test_a_watched_reader_hands_lines_on():
    calls: list[Sequence[Sequence[int]] | None] = []

    class NotingReader(TemplateReader):
        def decode(
            self,
            tokens: Sequence[VisualTokens],
            layouts: Sequence[Layout],
            lines: Sequence[Sequence[int]] | None = None,
        ) -> list[Reading]:
            calls.append(lines)
            return super().decode(tokens, layouts, lines)

    reader = WatchedReader(NotingReader())
    reader.decode([], [], [])
    reader.decode([], [])
    assert calls == [[], None]
