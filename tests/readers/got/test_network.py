"""GOT-OCR2.0: a small random model of the stock classes, its own processor as the oracle, and what
it decodes.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from support.small_got import (
    CONFIG,
    DIM,
    LONG,
    Image,
    byte_tokenizer,
    drawn,
    ends_after,
    spelled_from,
    task,
    write_got,
)
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import GotOcr2ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.got_ocr2.processing_got_ocr2 import GotOcr2Processor

from optical_memory.errors import CheckpointError
from optical_memory.readers.got.network import (
    AFTER,
    BEFORE,
    GotDecoder,
    got_config,
    load_decoder,
    network_pixels,
)
from optical_memory.readers.got.reader import GOT, GotReader
from optical_memory.readers.language.decoder import Guard


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GotOcr2ForConditionalGeneration]:
    """A checkpoint's folder, and the stock model that has its weights."""
    folder = tmp_path_factory.mktemp("got")
    return folder, write_got(folder)


@pytest.fixture(scope="module")
def folder(made: tuple[Path, GotOcr2ForConditionalGeneration]) -> Path:
    return made[0]


@pytest.fixture(scope="module")
def stock(made: tuple[Path, GotOcr2ForConditionalGeneration]) -> GotOcr2ForConditionalGeneration:
    return made[1]


@pytest.fixture(scope="module")
def images() -> list[Image]:
    return drawn()


@pytest.fixture(scope="module")
def processed(tokenizer: Tokenizer, images: list[Image]) -> Any:
    """What transformers' own processor makes of the two pages."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    processor = GotOcr2Processor(
        GotOcr2ImageProcessorPil(size={"height": 1024, "width": 1024}), fast
    )
    return processor(
        [np.repeat(image[..., None], 3, axis=2) for image in images], return_tensors="pt"
    )


@pytest.fixture(scope="module")
def seen(folder: Path, images: list[Image]) -> list[npt.NDArray[np.float32]]:
    """The tokens of the two pages, (256, dim) each."""
    reader = GotReader(folder, dtype="float32")
    return [tokens.values for tokens in reader.encode(images, reader.profile.ladder[0])]


# ---- the oracle: transformers' own processor, forward and generate -------------------------------


def test_the_prompt_and_the_pixels_are_those_of_the_published_processor(
    tokenizer: Tokenizer, images: list[Image], processed: Any
):
    ours = tokenizer.encode(BEFORE + "<imgpad>" * 256 + AFTER.format(GOT.prompts["plain"])).ids

    assert processed["input_ids"][0].tolist() == ours
    torch.testing.assert_close(
        network_pixels(np.stack(images)), processed["pixel_values"], atol=1e-6, rtol=0
    )


def test_the_vision_half_alone_sees_what_the_whole_model_sees(
    stock: GotOcr2ForConditionalGeneration, processed: Any, seen: list[npt.NDArray[np.float32]]
):
    with torch.inference_mode():
        whole = stock.get_image_features(processed["pixel_values"]).pooler_output

    assert whole.shape == (2, 256, DIM)
    torch.testing.assert_close(torch.from_numpy(np.stack(seen)), whole, atol=1e-5, rtol=0)
    assert (whole[0] - whole[1]).abs().max() > 0.1


def no_seeing(*_: Any, **__: Any) -> None:
    raise AssertionError("the vision tower ran")


def test_logits_from_cached_tokens_are_those_of_the_picture(
    folder: Path,
    tokenizer: Tokenizer,
    stock: GotOcr2ForConditionalGeneration,
    processed: Any,
    seen: list[Any],
):
    decoder = load_decoder(folder, got_config(CONFIG), tokenizer)
    with torch.inference_mode():
        whole = stock(**processed).logits
        ours = decoder.model(
            inputs_embeds=torch.stack([decoder.embeds(task(page)) for page in seen])
        ).logits

    assert (ours - whole).abs().max() < 1e-5


def test_a_hundred_greedy_tokens_are_those_of_the_picture_and_the_tower_does_not_run(
    folder: Path,
    tokenizer: Tokenizer,
    stock: GotOcr2ForConditionalGeneration,
    processed: Any,
    seen: list[Any],
):
    decoder = load_decoder(folder, got_config(CONFIG), tokenizer)
    decoder.model.model.vision_tower.forward = no_seeing
    whole = stock.generate(
        **processed, max_new_tokens=100, do_sample=False, eos_token_id=258, pad_token_id=256
    )
    whole = whole[:, processed["input_ids"].shape[1] :]

    ours = [spelled_from(decoder, task(page))[0] for page in seen]

    assert ours == whole.tolist()
    assert len(set(ours[0])) > 20
    assert ours[0] != ours[1]


# ---- the decoder ---------------------------------------------------------------------------------


@pytest.fixture
def decoder(folder: Path, tokenizer: Tokenizer) -> GotDecoder:
    return load_decoder(folder, got_config(CONFIG), tokenizer)


def test_what_else_is_in_the_batch_changes_no_reading(decoder: GotDecoder, seen: list[Any]):
    tasks = [
        task(seen[0], 30),
        task(seen[1], 20),
        task(seen[0] * 0.5, 25),
        *(task(seen[1] * n, 9) for n in range(2, 9)),
    ]

    together = decoder.transcribe(tasks)

    for one, read in zip(tasks, together, strict=True):
        (alone,) = decoder.transcribe([one])
        assert (read.text, read.ended) == (alone.text, alone.ended)
        np.testing.assert_allclose(read.confidence, alone.confidence, atol=1e-4)


def test_confidence_is_the_probability_of_the_token_that_was_taken(
    decoder: GotDecoder, seen: list[Any]
):
    ids, p = spelled_from(decoder, task(seen[0], 20))

    with torch.inference_mode():
        taken = decoder.model.get_input_embeddings()(torch.tensor(ids))
        embeds = torch.cat([decoder.embeds(task(seen[0])), taken])
        logits = decoder.model(inputs_embeds=embeds[None]).logits[0, -21:-1]
    np.testing.assert_allclose(p, logits.softmax(-1)[range(20), ids].numpy(), atol=1e-5)


def test_a_reading_that_the_model_ends_is_told_as_ended_and_without_the_end(
    decoder: GotDecoder, seen: list[Any]
):
    (before,) = decoder.transcribe([task(seen[0], 40)])
    ends_after(decoder, seen[0], 39)

    (read,) = decoder.transcribe([task(seen[0], 100)])

    assert read.ended
    assert before.text.startswith(read.text[: len(read.text) - 1])
    assert "<|im_end|>" not in read.text


def test_the_guard_lets_no_run_come_twice(decoder: GotDecoder, seen: list[Any]):
    free, guarded = (
        spelled_from(decoder, task(seen[0], 120, guard))[0] for guard in (LONG, Guard(2, 1000, ()))
    )

    assert len(set(pairwise(free))) < 119 == len(set(pairwise(guarded)))


def test_a_tokenizer_of_another_model_is_refused(stock: GotOcr2ForConditionalGeneration):
    with pytest.raises(CheckpointError, match=r"no <\|im_end\|>"):
        GotDecoder(stock, Tokenizer(BPE()))
