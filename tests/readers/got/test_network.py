"""GOT-OCR2.0's halves beside the stock classes, with its own processor as the oracle."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from support.readers.small_got import (
    DIM,
    END,
    END_OF_TEXT,
    NO_GUARD,
    Image,
    byte_tokenizer,
    draw_pages,
    end_after,
    got_config,
    greedy_ids,
    task_of,
    write_got,
)
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import GotOcr2ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.got_ocr2.processing_got_ocr2 import GotOcr2Processor

from optical_memory.errors import CheckpointError
from optical_memory.readers.got.family import GOT
from optical_memory.readers.got.network import (
    PROMPT_END,
    PROMPT_START,
    GotDecoder,
    load_decoder,
    network_pixels,
)
from optical_memory.readers.got.reader import GotReader
from optical_memory.readers.language.decoder import Guard
from optical_memory.readers.language.tokenizer import spell

Checkpoint = tuple[Path, GotOcr2ForConditionalGeneration]
"""A checkpoint's folder, and the stock model that has its weights."""

Pages = list[npt.NDArray[np.float32]]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("got")
    return folder, write_got(folder)


@pytest.fixture(scope="module")
def folder(checkpoint: Checkpoint) -> Path:
    return checkpoint[0]


@pytest.fixture(scope="module")
def stock(checkpoint: Checkpoint) -> GotOcr2ForConditionalGeneration:
    return checkpoint[1]


@pytest.fixture(scope="module")
def images() -> list[Image]:
    return draw_pages()


@pytest.fixture(scope="module")
def stock_inputs(tokenizer: Tokenizer, images: list[Image]) -> Any:
    """The two pages as transformers' own processor prepares them."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    image_processor = GotOcr2ImageProcessorPil(size={"height": 1024, "width": 1024})
    processor = GotOcr2Processor(image_processor, fast)
    pictures = [np.repeat(image[..., None], 3, axis=2) for image in images]
    return processor(pictures, return_tensors="pt")


@pytest.fixture(scope="module")
def pages(folder: Path, images: list[Image]) -> Pages:
    """The tokens of the two pages, (256, dim) each."""
    reader = GotReader(folder, dtype="float32")
    return [tokens.values for tokens in reader.encode(images, reader.profile.ladder[0])]


# ---- the oracle: transformers' own processor, forward and generate -------------------------------


def test_the_prompt_and_the_pixels_are_those_of_the_published_processor(
    tokenizer: Tokenizer, images: list[Image], stock_inputs: Any
):
    prompt = PROMPT_START + "<imgpad>" * 256 + PROMPT_END.format(GOT.prompts["plain"])

    assert stock_inputs["input_ids"][0].tolist() == tokenizer.encode(prompt).ids
    torch.testing.assert_close(
        network_pixels(np.stack(images)), stock_inputs["pixel_values"], atol=1e-6, rtol=0
    )


def test_the_vision_half_alone_sees_what_the_whole_model_sees(
    stock: GotOcr2ForConditionalGeneration, stock_inputs: Any, pages: Pages
):
    with torch.inference_mode():
        whole = stock.get_image_features(stock_inputs["pixel_values"]).pooler_output

    assert whole.shape == (2, 256, DIM)
    torch.testing.assert_close(torch.from_numpy(np.stack(pages)), whole, atol=1e-5, rtol=0)
    assert (whole[0] - whole[1]).abs().max() > 0.1


def no_seeing(*_: Any, **__: Any) -> None:
    raise AssertionError("the vision tower ran")


def test_logits_from_cached_tokens_are_those_of_the_picture(
    folder: Path,
    tokenizer: Tokenizer,
    stock: GotOcr2ForConditionalGeneration,
    stock_inputs: Any,
    pages: Pages,
):
    decoder = load_decoder(folder, got_config(), tokenizer)
    with torch.inference_mode():
        whole = stock(**stock_inputs).logits
        embeds = torch.stack([decoder.embeds(task_of(page)) for page in pages])
        logits = decoder.model(inputs_embeds=embeds).logits

    assert (logits - whole).abs().max() < 1e-5


def test_a_hundred_greedy_tokens_are_those_of_the_picture_and_the_tower_does_not_run(
    folder: Path,
    tokenizer: Tokenizer,
    stock: GotOcr2ForConditionalGeneration,
    stock_inputs: Any,
    pages: Pages,
):
    decoder = load_decoder(folder, got_config(), tokenizer)
    decoder.model.model.vision_tower.forward = no_seeing
    whole = stock.generate(
        **stock_inputs,
        max_new_tokens=100,
        do_sample=False,
        eos_token_id=END,
        pad_token_id=END_OF_TEXT,
    )
    whole = whole[:, stock_inputs["input_ids"].shape[1] :]

    tasks = [task_of(page) for page in pages]
    ids = [greedy_ids(decoder, task)[0] for task in tasks]
    transcripts = decoder.transcribe(tasks)

    assert ids == whole.tolist()
    assert len(set(ids[0])) > 20
    assert ids[0] != ids[1]
    certain = np.ones(100, np.float32)
    texts = [spell(tokenizer, page_ids, certain)[0] for page_ids in ids]
    assert [transcript.text for transcript in transcripts] == texts


# ---- the decoder ---------------------------------------------------------------------------------


@pytest.fixture
def decoder(folder: Path, tokenizer: Tokenizer) -> GotDecoder:
    return load_decoder(folder, got_config(), tokenizer)


def test_what_else_is_in_the_batch_changes_no_reading(decoder: GotDecoder, pages: Pages):
    tasks = [
        task_of(pages[0], 30),
        task_of(pages[1], 20),
        task_of(pages[0] * 0.5, 25),
        *(task_of(pages[1] * n, 9) for n in range(2, 9)),
    ]

    together = decoder.transcribe(tasks)

    for task, transcript in zip(tasks, together, strict=True):
        (alone,) = decoder.transcribe([task])
        assert (transcript.text, transcript.ended) == (alone.text, alone.ended)
        np.testing.assert_allclose(transcript.confidence, alone.confidence, atol=1e-4)


def test_a_transcript_is_spelled_from_the_greedy_tokens(decoder: GotDecoder, pages: Pages):
    ids, probabilities = greedy_ids(decoder, task_of(pages[0], 20))

    (transcript,) = decoder.transcribe([task_of(pages[0], 20)])

    text, confidence = spell(decoder.tokenizer, ids, np.array(probabilities, np.float32))
    assert (len(ids), transcript.text) == (20, text)
    np.testing.assert_allclose(transcript.confidence, confidence, atol=1e-5)


def test_confidence_is_the_probability_of_the_token_that_was_taken(
    decoder: GotDecoder, pages: Pages
):
    ids, probabilities = greedy_ids(decoder, task_of(pages[0], 20))

    with torch.inference_mode():
        words = decoder.model.get_input_embeddings()(torch.tensor(ids))
        embeds = torch.cat([decoder.embeds(task_of(pages[0])), words])
        logits = decoder.model(inputs_embeds=embeds[None]).logits[0, -21:-1]
    softmax = logits.softmax(-1)[range(20), ids].numpy()
    np.testing.assert_allclose(probabilities, softmax, atol=1e-5)


def test_a_reading_that_the_model_ends_is_told_as_ended_and_without_the_end(
    decoder: GotDecoder, pages: Pages
):
    (longer,) = decoder.transcribe([task_of(pages[0], 40)])
    end_after(decoder, pages[0], 39)

    (transcript,) = decoder.transcribe([task_of(pages[0], 100)])

    assert transcript.ended
    assert longer.text.startswith(transcript.text[: len(transcript.text) - 1])
    assert "<|im_end|>" not in transcript.text


def test_the_guard_lets_no_run_come_twice(decoder: GotDecoder, pages: Pages):
    free, _ = greedy_ids(decoder, task_of(pages[0], 120, NO_GUARD))
    without_runs, _ = greedy_ids(decoder, task_of(pages[0], 120, Guard(2, 1000, ())))

    assert len(set(pairwise(free))) < 119 == len(set(pairwise(without_runs)))


def test_a_tokenizer_of_another_model_is_refused(stock: GotOcr2ForConditionalGeneration):
    with pytest.raises(CheckpointError, match=r"no <\|im_end\|>"):
        GotDecoder(stock, Tokenizer(BPE()))
