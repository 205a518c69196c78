"""Several pages in one prompt for Unlimited-OCR, and questions about a page."""

from __future__ import annotations

import numpy as np
import pytest
from support.readers.scripted_decoder import Scribe, noise_tokens, page_of
from support.readers.small_checkpoints import Stock

from optical_memory.errors import ReaderMismatch, ReadingFailed
from optical_memory.readers.deepseek.families import UNLIMITED, V1
from optical_memory.readers.deepseek.many_pages import split_pages
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.decoder import Transcript

SAME = page_of("the same page twice, with enough words on it to be a reading")


# ---- several pages -------------------------------------------------------------------------------


def test_unlimited_ocr_reads_several_pages_in_one_prompt(stock: dict[str, Stock]) -> None:
    pages = [
        page_of(f"page number {name} tells of things that were said some time ago")
        for name in ("one", "two")
    ]
    scribe = Scribe("".join(f"<PAGE>{page.text}\n" for page in pages))
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    tokens = [noise_tokens(reader, "base")] * 2
    readings = reader.decode_together(tokens, [page.layout for page in pages])
    assert [reading.text for reading in readings] == [page.text for page in pages]
    (task,) = scribe.tasks
    assert len(task.tokens) == 2 * 273
    assert (task.prompt, task.guard.window) == ("Multi page parsing.", 1024)


def test_a_count_of_pages_that_is_wrong_means_one_by_one(stock: dict[str, Stock]) -> None:
    scribe = Scribe(SAME.text)
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    readings = reader.decode_together([noise_tokens(reader, "base")] * 2, [SAME.layout] * 2)
    assert [reading.text for reading in readings] == [SAME.text] * 2
    assert [task.prompt for task in scribe.tasks] == [
        "Multi page parsing.",
        "document parsing.",
        "document parsing.",
    ]


def test_as_many_pages_go_in_one_prompt_as_the_decoder_has_room_for(
    stock: dict[str, Stock],
) -> None:
    scribe = Scribe(has_end=False)
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    tokens = [noise_tokens(reader, "gundam-4x8")] * 10
    reader.decode_together(tokens, [SAME.layout] * 10, pages=12)
    together = [task for task in scribe.tasks if task.prompt == "Multi page parsing."]
    n_tokens = UNLIMITED.rung("gundam-4x8").n_tokens
    assert [len(task.tokens) // n_tokens for task in together] == [8, 2]
    assert all(task.limit > 0 for task in together)


def test_a_memory_reads_every_page_by_itself(stock: dict[str, Stock]) -> None:
    """As it was certified: in company a page might be read otherwise."""
    scribe = Scribe(SAME.text)
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    reader.decode([noise_tokens(reader, "base")] * 3, [SAME.layout] * 3)
    assert [task.prompt for task in scribe.tasks] == ["document parsing."] * 3


def test_a_family_that_reads_one_page_a_prompt_says_so(stock: dict[str, Stock]) -> None:
    with pytest.raises(ReaderMismatch, match="one page a prompt"):
        DeepseekReader(stock[V1.id][0]).decode_together([], [])


# ---- the answer ----------------------------------------------------------------------------------


def transcript_of(text: str) -> Transcript:
    return Transcript(text, np.linspace(0, 1, len(text), dtype=np.float32), True)


def test_several_pages_are_parted_where_the_model_says() -> None:
    pages = split_pages(transcript_of("<PAGE>one<PAGE>two"), 2)
    assert [page.text for page in pages] == ["one", "two"]
    pages = split_pages(transcript_of("one<PAGE>two"), 2)
    assert [page.text for page in pages] == ["one", "two"]
    assert len(pages[1].confidence) == 3
    with pytest.raises(ReadingFailed, match="3 pages were asked for in one prompt, 2 came back"):
        split_pages(transcript_of("<PAGE>one<PAGE>two"), 3)


def test_only_the_last_page_may_be_cut_off() -> None:
    transcript = Transcript("<PAGE>one<PAGE>tw", np.zeros(17, np.float32), False)
    assert [page.ended for page in split_pages(transcript, 2)] == [True, False]


# ---- questions -----------------------------------------------------------------------------------


def test_a_question_is_a_prompt_by_name_or_a_text(stock: dict[str, Stock]) -> None:
    scribe = Scribe("a tram")
    reader = DeepseekReader(stock[V1.id][0], decoder=scribe)
    tokens = noise_tokens(reader, "tiny")
    assert reader.ask(tokens, "describe").text == "a tram"
    reader.ask(tokens, "\nHow many trams?", limit=5)
    assert [(task.prompt, task.limit) for task in scribe.tasks] == [
        (V1.prompts["describe"], 2048),
        ("\nHow many trams?", 5),
    ]


def test_where_words_stand_is_told_in_pixels(stock: dict[str, Stock]) -> None:
    scribe = Scribe("<|ref|>gate<|/ref|><|det|>[[12, 34, 567, 890]]<|/det|>")
    reader = DeepseekReader(stock[V1.id][0], decoder=scribe)
    (block,) = reader.locate(noise_tokens(reader, "tiny"), "gate")
    (box,) = block.boxes
    assert block.label == "gate"
    assert (box.left, box.top, box.right, box.bottom) == (6, 17, 290, 456)
    assert scribe.tasks[0].prompt == "\nLocate <|ref|>gate<|/ref|> in the image."


def test_all_blocks_of_a_page_are_told_with_their_text(stock: dict[str, Stock]) -> None:
    scribe = Scribe("<|ref|>title<|/ref|><|det|>[[0, 0, 999, 99]]<|/det|>\n# Notes\n")
    reader = DeepseekReader(stock[V1.id][0], decoder=scribe)
    (block,) = reader.locate(noise_tokens(reader, "tiny"))
    assert (block.label, block.text) == ("title", "# Notes")
    assert scribe.tasks[0].prompt == V1.prompts["grounded"]


def test_a_family_without_grounding_says_so(stock: dict[str, Stock]) -> None:
    reader = DeepseekReader(stock[UNLIMITED.id][0])
    with pytest.raises(ReaderMismatch, match="not trained to ground"):
        reader.locate(noise_tokens(reader, "base"), "gate")
