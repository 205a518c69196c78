"""Models that loop: guards end the loop, other attempts follow, and nothing is made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.scripted_decoder import START, Scribe, noise_tokens, page_of, write_scripted

from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.page_attempts import UNGUARDED, forbids
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.decoder import Guard, Task, Transcript
from optical_memory.readers.language.loop_guard import banned_tokens
from optical_memory.readers.language.tokenizer import EOS, ocr_tokenizer

LOG = "2026-11-25 INFO worker: retried job, waiting"
NAMES = "\n".join(f"Mel: {LOG}" for _ in range(30))
"""A text that sends a decoder into loops: one name and one log line over and over."""


@pytest.fixture(scope="module")
def loop_reader(tmp_path_factory: pytest.TempPathFactory) -> DeepseekReader:
    """A model that says one log line for ever, and ends only if it is stopped from going on."""
    folder = tmp_path_factory.mktemp("loop")
    ids = list(dict.fromkeys(ocr_tokenizer().encode("\n" + LOG, add_special_tokens=False).ids))
    pairs = zip(ids, ids[1:] + ids[:1], strict=True)
    followers = {START: (ids[0],)} | {id: (next_id, EOS) for id, next_id in pairs}
    write_scripted(folder, V1, followers)
    return DeepseekReader(folder, dtype="float32")


def test_a_loop_ends_where_the_guard_says(loop_reader: DeepseekReader) -> None:
    tokens = loop_reader.decoder_input(noise_tokens(loop_reader, "tiny"))
    without_guard, with_guard = loop_reader.decoder.transcribe(
        [
            Task(tokens, "\nFree OCR.", 400, Guard(500, 500)),
            Task(tokens, "\nFree OCR.", 400, Guard(30, 90)),
        ]
    )
    assert not without_guard.ended
    assert without_guard.text.count("worker") > 15
    assert with_guard.ended
    assert 2 <= with_guard.text.count("worker") <= 6


def test_a_page_that_cannot_be_read_is_unread_and_not_garbage(loop_reader: DeepseekReader) -> None:
    page = page_of(NAMES)
    (reading,) = loop_reader.decode([noise_tokens(loop_reader, "tiny")], [page.layout])
    is_unread = [char == "\ufffd" for char in reading.text]
    assert len(reading.text) == len(page.text)
    assert "worker" not in reading.text
    assert any(is_unread)
    assert (reading.confidence[is_unread] == 0).all()


def test_stricter_guards_and_another_prompt_are_tried_in_turn(loop_reader: DeepseekReader) -> None:
    scribe = Scribe()
    reader = DeepseekReader(loop_reader.folder, decoder=scribe)
    reader.decode([noise_tokens(reader, "tiny")], [page_of(NAMES).layout])
    assert [(task.prompt, task.guard) for task in scribe.tasks] == [
        *((V1.prompts["plain"], guard) for guard in V1.guards),
        (V1.prompts["grounded"], V1.guards[0]),
    ]
    ngrams = [task.guard.ngram for task in scribe.tasks[:3]]
    assert ngrams == sorted((guard.ngram for guard in V1.guards), reverse=True)


def test_marks_that_stand_on_the_page_itself_are_read(loop_reader: DeepseekReader) -> None:
    marks = "<|ref|>x<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>"
    page = page_of(f"Here: <table><tr><td>one</td><td>two</td></tr></table> and {marks}")
    reader = DeepseekReader(loop_reader.folder, decoder=Scribe(page.text))
    assert reader.decode([noise_tokens(reader, "tiny")], [page.layout])[0].text == page.text


def test_only_the_pages_that_failed_are_read_again(loop_reader: DeepseekReader) -> None:
    page = page_of("a line of text that is long enough to be read by somebody who reads")
    batch_sizes: list[int] = []

    class Halting:
        def transcribe(self, tasks: list[Task]) -> list[Transcript]:
            batch_sizes.append(len(tasks))
            good = Transcript(page.text, np.ones(len(page.text), np.float32), True)
            bad = Transcript("", np.zeros(0, np.float32), False)
            return [good if i or len(batch_sizes) > 1 else bad for i in range(len(tasks))]

    reader = DeepseekReader(loop_reader.folder, decoder=Halting())
    readings = reader.decode([noise_tokens(reader, "tiny")] * 3, [page.layout] * 3)
    assert batch_sizes == [3, 1]
    assert [reading.text for reading in readings] == [page.text] * 3


# ---- pages that truly repeat ---------------------------------------------------------------------

RETRIES = "\n".join(["connection refused, next try in 9 s"] * 24)
"""Lines that are all the same: under a guard a reader may not write what stands there."""


class GuardedScribe(Scribe):
    """Says the text of the page, unless a guard forbids a token of it: then it never ends."""

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        ids = ocr_tokenizer().encode(self.text, add_special_tokens=False).ids
        transcripts = super().transcribe(tasks)
        return [
            replace(transcript, ended=not forbids(task.guard, ids))
            for task, transcript in zip(tasks, transcripts, strict=True)
        ]


def test_a_page_that_truly_repeats_is_read_while_its_text_is_known(
    loop_reader: DeepseekReader,
) -> None:
    page = page_of(RETRIES)
    scribe = GuardedScribe("\n".join(page.lines))
    reader = DeepseekReader(loop_reader.folder, decoder=scribe)
    tokens = [noise_tokens(reader, "tiny")]
    (certified,) = reader.certify(tokens, [page])
    assert certified.text == page.text
    assert certified.method == UNGUARDED
    (recalled,) = reader.decode_by(tokens, [page.layout], [certified.method])
    assert (recalled.text, recalled.method) == (page.text, UNGUARDED)
    (usual,) = reader.decode(tokens, [page.layout])
    assert usual.text != page.text, "the guards forbid the right tokens"


def test_a_page_that_does_not_repeat_is_read_in_the_usual_way(loop_reader: DeepseekReader) -> None:
    page = page_of("a line of text that says something new each time, and then it ends")
    scribe = GuardedScribe("\n".join(page.lines))
    reader = DeepseekReader(loop_reader.folder, decoder=scribe)
    (reading,) = reader.certify([noise_tokens(reader, "tiny")], [page])
    assert (reading.text, reading.method) == (page.text, "")
    assert [task.guard for task in scribe.tasks] == [V1.guards[0]]


def test_a_page_that_loops_without_a_guard_is_read_with_the_usual_guards(
    loop_reader: DeepseekReader,
) -> None:
    scribe = Scribe(RETRIES, has_end=False)
    reader = DeepseekReader(loop_reader.folder, decoder=scribe)
    (reading,) = reader.certify([noise_tokens(reader, "tiny")], [page_of(RETRIES)])
    assert reading.method == ""
    assert (reading.confidence[[char == "\ufffd" for char in reading.text]] == 0).all()
    assert [task.guard for task in scribe.tasks[1:4]] == list(V1.guards)


@given(
    st.lists(st.integers(1, 3), max_size=24),
    st.integers(1, 5),
    st.integers(1, 12),
    st.sampled_from([(), (1,)]),
)
def test_what_a_guard_forbids_in_a_text_is_what_it_bans_token_by_token(
    ids: list[int], ngram: int, window: int, allowed: tuple[int, ...]
) -> None:
    guard = Guard(ngram, window, allowed)
    is_banned = any(id in banned_tokens(ids[:i], guard) for i, id in enumerate(ids))
    assert forbids(guard, ids) == is_banned
