"""Prompts have the published ids, text goes to ids and back, and marks in answers become boxes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from optical_memory.readers.check import PROMPT_IDS
from optical_memory.readers.deepseek.families import UNLIMITED, V1, V2
from optical_memory.readers.deepseek.grounding import Box, parse_marks, without_marks
from optical_memory.readers.language.decoder import Transcript
from optical_memory.readers.language.tokenizer import join_pieces, ocr_tokenizer, spell


def transcript_of(text: str) -> Transcript:
    return Transcript(text, np.linspace(0, 1, len(text), dtype=np.float32), True)


def ids_of(text: str) -> list[int]:
    ids: list[int] = ocr_tokenizer().encode(text, add_special_tokens=False).ids
    return ids


@pytest.mark.parametrize(("prompt", "ids"), PROMPT_IDS.items())
def test_prompts_have_the_published_ids(prompt: str, ids: list[int]) -> None:
    assert ids_of(prompt) == ids


def test_every_family_asks_in_its_own_words() -> None:
    assert V1.prompts["plain"] == V2.prompts["plain"] == "\nFree OCR."
    assert V1.prompts["markdown"] == "\n<|grounding|>Convert the document to markdown."
    assert set(V2.prompts) == {"plain", "markdown"}
    assert UNLIMITED.prompts == {"plain": "document parsing.", "pages": "Multi page parsing."}


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("<image>", 128815),
        ("<|ref|>", 128816),
        ("<|/ref|>", 128817),
        ("<|det|>", 128818),
        ("<|/det|>", 128819),
        ("<|grounding|>", 128820),
        ("<td>", 128821),
        ("</td>", 128822),
        ("<tr>", 128823),
        ("</tr>", 128824),
        ("<|User|>", 128825),
        ("<|Assistant|>", 128826),
    ],
)
def test_added_tokens_have_the_published_ids(name: str, id: int) -> None:
    assert ids_of(name) == [id]


def test_all_added_tokens_are_the_published_ones(data_dir: Path) -> None:
    file = data_dir / "checkpoints" / "deepseek_ocr_added_tokens.json"
    entries = json.loads(file.read_text())
    tokens = ocr_tokenizer().get_added_tokens_decoder()
    assert {token["id"]: (token["content"], token["special"]) for token in entries} == {
        id: (token.content, token.special) for id, token in tokens.items()
    }


@pytest.mark.parametrize("text", ["naïve 你好 🤗\n\n  x", "", " \t\n", "<td>a</td>", "नमस्ते"])
def test_text_goes_to_ids_and_back(text: str) -> None:
    ids = ids_of(text)
    text_back, confidence = spell(ocr_tokenizer(), ids, np.full(len(ids), 0.5, np.float32))
    assert (text_back, len(confidence)) == (text, len(text))


def test_a_character_is_as_sure_as_its_least_sure_piece() -> None:
    text, confidence = join_pieces([b"a\xe4", b"\xbd\xa0b"], np.array([0.9, 0.4], np.float32))
    assert text == "a你b"
    assert np.allclose(confidence, [0.9, 0.4, 0.4])


def test_bytes_that_are_no_text_are_not_believed() -> None:
    text, confidence = join_pieces([b"a\xff", b"\xe4\xbd"], np.array([0.9, 0.4], np.float32))
    assert text.startswith("a\ufffd")
    assert confidence[0] == np.float32(0.9)
    assert len(confidence) > 1
    assert (confidence[1:] == 0).all()


# ---- marks ---------------------------------------------------------------------------------------

GROUNDED = (
    "<|ref|>title<|/ref|><|det|>[[0, 0, 999, 99]]<|/det|>\n# Notes\n\n"
    "<|ref|>text<|/ref|><|det|>[[10, 500, 500, 999], [600, 0, 700, 50]]<|/det|>\nTwo places.\n"
)


def test_boxes_come_with_their_labels_and_text() -> None:
    title, text = parse_marks(GROUNDED, (1024, 512))
    assert (title.label, title.boxes, title.text) == ("title", (Box(0, 0, 1024, 50),), "# Notes")
    assert (text.label, len(text.boxes), text.text) == ("text", 2, "Two places.")
    assert text.boxes[0] == Box(10, 256, 512, 512)


def test_a_single_box_without_outer_brackets_is_read() -> None:
    (block,) = parse_marks("<|ref|>image<|/ref|><|det|>[383, 87, 497, 171]<|/det|>", (999, 999))
    assert block.boxes == (Box(383, 87, 497, 171),)


def test_an_answer_without_marks_locates_nothing() -> None:
    assert parse_marks("nothing of that name", (100, 100)) == []
    assert parse_marks("", (100, 100)) == []


@pytest.mark.parametrize(
    "boxes",
    [
        "[[" + "9" * 5000 + ", 1, 2, 3]]",
        "[[5, 5, 5, 9]]",
        "[[0, 0, 1000, 10]]",
        "[[1, 2, 3]]",
        "[]",
        "[[a, b, c, d]]",
    ],
)
def test_boxes_that_are_none_are_left_out(boxes: str) -> None:
    (block,) = parse_marks(f"<|ref|>x<|/ref|><|det|>{boxes}<|/det|>", (100, 100))
    assert block.boxes == ()


def test_corners_in_the_other_order_are_set_right() -> None:
    (block,) = parse_marks("<|ref|>x<|/ref|><|det|>[[999, 999, 0, 0]]<|/det|>", (100, 200))
    assert block.boxes == (Box(0, 0, 100, 200),)


def test_text_without_marks_is_what_stands_on_the_page() -> None:
    transcript = transcript_of(GROUNDED)
    plain = without_marks(transcript)
    assert plain.text == "# Notes\n\nTwo places.\n"
    assert plain.confidence[0] == transcript.confidence[GROUNDED.index("# Notes")]
    assert without_marks(transcript_of("<td>a</td><|ref|>")).text == "a"
    assert without_marks(transcript_of("a < b")).text == "a < b"
