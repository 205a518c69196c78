"""A draft changes no text, and saves passes of the decoder."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from support.readers.scripted_decoder import chain, noise_tokens, write_scripted
from support.readers.small_checkpoints import Stock

from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.decoder import Guard, Task

WORDS = (
    "the quick brown fox jumps over lazy dogs while seven wizards boil strong tea near an old mill"
)


@pytest.fixture(scope="module")
def words_reader(tmp_path_factory: pytest.TempPathFactory) -> DeepseekReader:
    """A model that says `WORDS` of every page."""
    folder = tmp_path_factory.mktemp("words")
    write_scripted(folder, V1, chain(WORDS))
    return DeepseekReader(folder, dtype="float32")


def task_for(reader: DeepseekReader, limit: int, guard: Guard) -> Task:
    tokens = reader.decoder_input(noise_tokens(reader, "tiny"))
    return Task(tokens, "\nFree OCR.", limit, guard)


@pytest.mark.parametrize(
    "draft",
    [
        WORDS,
        "",
        "something else entirely",
        WORDS.replace("lazy", "sleepy"),
        WORDS[30:],
        WORDS + " and more",
    ],
)
def test_any_draft_gives_the_greedy_text(words_reader: DeepseekReader, draft: str) -> None:
    decoder: Any = words_reader.decoder
    task = task_for(words_reader, 60, Guard())
    (greedy,) = decoder.transcribe([task])
    with_draft = decoder.transcribe_drafted(task, draft)
    assert greedy.text == WORDS
    assert (with_draft.text, with_draft.ended) == (greedy.text, greedy.ended)
    assert np.allclose(with_draft.confidence, greedy.confidence, atol=1e-5)


@pytest.mark.parametrize("limit", [1, 5, 17])
def test_a_limit_cuts_a_text_with_a_draft_as_without(
    words_reader: DeepseekReader, limit: int
) -> None:
    decoder: Any = words_reader.decoder
    task = task_for(words_reader, limit, Guard())
    (greedy,) = decoder.transcribe([task])
    with_draft = decoder.transcribe_drafted(task, WORDS)
    assert (with_draft.text, with_draft.ended) == (greedy.text, False)


def test_a_good_draft_saves_passes(words_reader: DeepseekReader) -> None:
    decoder: Any = words_reader.decoder
    task = task_for(words_reader, 60, Guard())
    passes: list[int] = []
    hook = decoder.model.lm_head.register_forward_hook(lambda *_: passes.append(1))
    try:
        decoder.transcribe_drafted(task, WORDS)
        n_drafted = len(passes)
        decoder.transcribe([task])
    finally:
        hook.remove()
    assert n_drafted <= 3
    assert len(passes) - n_drafted > 15


def test_drafts_change_nothing_on_a_model_that_looks(stock: dict[str, Stock]) -> None:
    """On a random model the text depends on every token seen; the guard bites here too."""
    reader = DeepseekReader(stock[V1.id][0], dtype="float32")
    decoder: Any = reader.decoder
    task = task_for(reader, 80, Guard(3, 40, ()))
    text = decoder.transcribe([task])[0].text
    middle = len(text) // 2
    for draft in (text, text[:middle] + " no " + text[middle:]):
        assert decoder.transcribe_drafted(task, draft).text == text


def test_the_cache_is_passed_by_the_name_that_transformers_wants(
    words_reader: DeepseekReader,
) -> None:
    """5.24 warns of the name that 5.23 has."""
    decoder: Any = words_reader.decoder
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoder.transcribe_drafted(task_for(words_reader, 10, Guard()), WORDS)
