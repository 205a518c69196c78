"""GOT-OCR2.0 as a reader: a small random model of the stock classes, its own processor as the oracle."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import GotOcr2ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.got_ocr2.processing_got_ocr2 import GotOcr2Processor

from optical_memory.errors import CheckpointError, ReaderMismatch, ReadingFailed
from optical_memory.profiles import V1_LADDER
from optical_memory.readers.got import GOT, GotReader, is_got
from optical_memory.readers.got_model import (
    AFTER,
    BEFORE,
    GotDecoder,
    got_config,
    load_decoder,
    load_vision,
    network_pixels,
)
from optical_memory.readers.transcripts import Guard, Task
from optical_memory.renderers import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.tokens import INT8, unpack
from optical_memory.turns import Turn

LONG = Guard(200, 1000, ())
"""A guard that no reading of these tests is long enough for."""

DIM = 32
NAMED = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<imgpad>")
CONFIG: dict[str, Any] = {
    "architectures": ["GotOcr2ForConditionalGeneration"],
    "model_type": "got_ocr2",
    "image_token_index": 261,
    "image_seq_length": 576,
    "text_config": {
        "model_type": "qwen2",
        "vocab_size": 262,
        "hidden_size": DIM,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
        "rope_theta": 1e6,
        "tie_word_embeddings": True,
    },
    "vision_config": {
        "hidden_size": 16,
        "output_channels": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "mlp_dim": 32,
        "global_attn_indexes": [1],
    },
}
Image = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Bytes, and GOT's own tokens behind them, the picture's last as in the published one."""
    made = Tokenizer(BPE({char: i for i, char in enumerate(sorted(ByteLevel.alphabet()))}, []))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
    made.decoder = ByteLevelDecoder()
    made.add_tokens([AddedToken(name, normalized=False, special=True) for name in NAMED])
    return made


@pytest.fixture(scope="module")
def stock(tokenizer: Tokenizer) -> GotOcr2ForConditionalGeneration:
    """Random weights, large enough that every picture and every word makes a difference; it never ends by itself."""
    torch.manual_seed(3)
    model = GotOcr2ForConditionalGeneration(got_config(CONFIG)).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                scale = 3 if "language_model.layers" in name else 1
                p.copy_(torch.randn_like(p) * scale * p[0].numel() ** -0.5)
            elif "bias" in name:
                p.copy_(torch.randn_like(p) * 0.1)
        words: Any = model.get_input_embeddings()
        words.weight *= 0.1  # or a word would be followed by itself
        words.weight[[256, 258]] = 0
        model.model.language_model.norm.weight.fill_(10)
    return model


@pytest.fixture(scope="module")
def folder(
    stock: GotOcr2ForConditionalGeneration, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint as published: its key names, config.json and tokenizer."""
    made = tmp_path_factory.mktemp("got")
    write(made, {published(key): value.clone() for key, value in stock.state_dict().items() if key != "lm_head.weight"})
    tokenizer.save(str(made / "tokenizer.json"))
    return made


def published(key: str) -> str:
    """The name of a weight in the published file."""
    return key.replace("model.language_model.", "language_model.model.").removeprefix("model.")


def write(folder: Path, weights: dict[str, torch.Tensor], config: dict[str, Any] = CONFIG) -> None:
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def images() -> list[Image]:
    """Two pages of text as the renderer draws them for this reader."""
    renderer = PageRenderer(GotReader(Path("nowhere")).grid)
    text = "The tram to the harbour leaves at 7:45. " * 300
    pages = renderer.paginate([PlacedTurn(Turn("user", text), "a", 0, 0)])
    return [renderer.draw(page, 1024) for page in pages[:2]]


@pytest.fixture(scope="module")
def processed(tokenizer: Tokenizer, images: list[Image]) -> Any:
    """What transformers' own processor makes of the two pages."""
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|endoftext|>")
    processor = GotOcr2Processor(GotOcr2ImageProcessorPil(size={"height": 1024, "width": 1024}), fast)
    return processor([np.repeat(image[..., None], 3, axis=2) for image in images], return_tensors="pt")


@pytest.fixture(scope="module")
def seen(folder: Path, images: list[Image]) -> list[npt.NDArray[np.float32]]:
    """The tokens of the two pages, (256, dim) each."""
    reader = GotReader(folder, dtype="float32")
    return [tokens.values for tokens in reader.encode(images, reader.profile.ladder[0])]


def task(tokens: npt.NDArray[np.float32], limit: int = 100, guard: Guard = LONG) -> Task:
    return Task(tokens, GOT.prompts["plain"], limit, guard)


# ---- the oracle: transformers' own processor, forward and generate --------------------------------------------------


def test_the_prompt_and_the_pixels_are_those_of_the_published_processor(
    tokenizer: Tokenizer, images: list[Image], processed: Any
):
    ours = tokenizer.encode(BEFORE + "<imgpad>" * 256 + AFTER.format(GOT.prompts["plain"])).ids

    assert processed["input_ids"][0].tolist() == ours
    torch.testing.assert_close(network_pixels(np.stack(images)), processed["pixel_values"], atol=1e-6, rtol=0)


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
    folder: Path, tokenizer: Tokenizer, stock: GotOcr2ForConditionalGeneration, processed: Any, seen: list[Any]
):
    decoder = load_decoder(folder, got_config(CONFIG), tokenizer)
    with torch.inference_mode():
        whole = stock(**processed).logits
        ours = decoder.model(inputs_embeds=torch.stack([decoder.embeds(task(page)) for page in seen])).logits

    assert (ours - whole).abs().max() < 1e-5


def test_a_hundred_greedy_tokens_are_those_of_the_picture_and_the_tower_does_not_run(
    folder: Path, tokenizer: Tokenizer, stock: GotOcr2ForConditionalGeneration, processed: Any, seen: list[Any]
):
    decoder = load_decoder(folder, got_config(CONFIG), tokenizer)
    decoder.model.model.vision_tower.forward = no_seeing
    whole = stock.generate(**processed, max_new_tokens=100, do_sample=False, eos_token_id=258, pad_token_id=256)
    whole = whole[:, processed["input_ids"].shape[1] :]

    ours = [spelled_from(decoder, task(page))[0] for page in seen]

    assert ours == whole.tolist()
    assert len(set(ours[0])) > 20
    assert ours[0] != ours[1]


def spelled_from(decoder: GotDecoder, one: Task) -> tuple[list[int], list[float]]:
    """The ids, and their probabilities, that a transcript is spelled from."""
    found: list[Any] = []
    told = decoder._told
    decoder._told = lambda *got: found.extend(got[:2]) or told(*got)  # type: ignore[method-assign,func-returns-value]
    decoder.transcribe([one])
    decoder._told = told  # type: ignore[method-assign]
    return found[0], found[1]


# ---- the decoder ----------------------------------------------------------------------------------------------------


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


def test_confidence_is_the_probability_of_the_token_that_was_taken(decoder: GotDecoder, seen: list[Any]):
    ids, p = spelled_from(decoder, task(seen[0], 20))

    with torch.inference_mode():
        taken = decoder.model.get_input_embeddings()(torch.tensor(ids))
        embeds = torch.cat([decoder.embeds(task(seen[0])), taken])
        logits = decoder.model(inputs_embeds=embeds[None]).logits[0, -21:-1]
    np.testing.assert_allclose(p, logits.softmax(-1)[range(20), ids].numpy(), atol=1e-5)


def ends_after(decoder: GotDecoder, tokens: npt.NDArray[np.float32], n: int) -> None:
    """Let the end be likelier than the token that comes n-th, wherever that would be taken."""
    ids, _ = spelled_from(decoder, task(tokens, n + 1))
    table: Any = decoder.model.get_input_embeddings().weight
    with torch.no_grad():
        table[258] = 2 * table[ids[n]]


def test_a_reading_that_the_model_ends_is_told_as_ended_and_without_the_end(decoder: GotDecoder, seen: list[Any]):
    (before,) = decoder.transcribe([task(seen[0], 40)])
    ends_after(decoder, seen[0], 39)

    (read,) = decoder.transcribe([task(seen[0], 100)])

    assert read.ended
    assert before.text.startswith(read.text[: len(read.text) - 1])
    assert "<|im_end|>" not in read.text


def test_the_guard_lets_no_run_come_twice(decoder: GotDecoder, seen: list[Any]):
    free, guarded = (spelled_from(decoder, task(seen[0], 120, guard))[0] for guard in (LONG, Guard(2, 1000, ())))

    assert len(set(pairwise(free))) < 119 == len(set(pairwise(guarded)))


def test_a_tokenizer_of_another_model_is_refused(stock: GotOcr2ForConditionalGeneration):
    with pytest.raises(CheckpointError, match=r"no <\|im_end\|>"):
        GotDecoder(stock, Tokenizer(BPE()))


# ---- checkpoints ----------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, torch.Tensor]], Any]
WRONG: list[tuple[str, Change]] = [
    ("norm.weight", lambda w: w.pop("language_model.model.norm.weight")),
    ("vision_tower.pos_embed", lambda w: w.pop("vision_tower.pos_embed")),
    ("stranger", lambda w: w.update({"vision_tower.stranger": torch.zeros(2)})),
    ("stranger", lambda w: w.update({"language_model.model.stranger": torch.zeros(2)})),
    ("does not", lambda w: w.update({"vision_tower.neck.conv1.weight": torch.zeros(8, 15, 1, 1)})),
]


@pytest.mark.parametrize(("named", "change"), WRONG)
def test_a_checkpoint_with_other_keys_does_not_load(
    named: str, change: Change, folder: Path, tokenizer: Tokenizer, tmp_path: Path
):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    write(tmp_path / "wrong", weights)

    with pytest.raises(CheckpointError, match=named):
        load_decoder(tmp_path / "wrong", got_config(CONFIG), tokenizer)
    if not any("language_model" in key for key in set(weights) ^ set(load_file(folder / "model.safetensors"))):
        with pytest.raises(CheckpointError, match=named):
            load_vision(tmp_path / "wrong", got_config(CONFIG))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (CONFIG | {"model_type": "deepseek_vl_v2"}, "deepseek_vl_v2"),
        ({"model_type": "got_ocr2"}, "text_config"),
        (CONFIG | {"text_config": CONFIG["text_config"] | {"rope_theta": None}}, "sizes"),
        (CONFIG | {"text_config": {k: v for k, v in CONFIG["text_config"].items() if k != "rope_theta"}}, "rope_theta"),
    ],
)
def test_a_config_of_another_model_or_without_its_sizes_is_refused(wrong: dict[str, Any], message: str):
    with pytest.raises(CheckpointError, match=message):
        got_config(wrong)


def test_the_published_sizes_are_those_of_the_stock_class():
    """config.json as transformers writes it for GOT's own sizes."""
    from transformers import GotOcr2Config

    whole = GotOcr2Config()
    config = got_config(json.loads(json.dumps(whole.to_dict())))

    assert config.vision_config.to_dict() == whole.vision_config.to_dict()
    ours, theirs = config.text_config.to_dict(), whole.text_config.to_dict()
    differing = {key for key in theirs if ours.get(key) != theirs[key]}
    assert differing <= {"max_window_layers", "sliding_window", "layer_types"}  # of no effect without a sliding window
    assert ours["rope_parameters"]["rope_theta"] == 1e6


def test_what_is_no_checkpoint_is_an_error_of_the_checkpoint(tmp_path: Path):
    with pytest.raises(CheckpointError):
        GotReader(tmp_path).profile  # noqa: B018
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(CheckpointError, match="no model"):
        GotReader(tmp_path).profile  # noqa: B018
    assert is_got(tmp_path)
    assert not is_got(tmp_path / "other")


# ---- the reader -----------------------------------------------------------------------------------------------------


def test_the_profile_counts_256_tokens_a_page_and_loads_no_torch(folder: Path):
    code = (
        "import sys; from pathlib import Path; from optical_memory.readers.got import GotReader; "
        f"p = GotReader(Path({str(folder)!r})).profile; "
        "print(p.id, p.dim, [(r.name, r.grid_tokens, r.tokens) for r in p.ladder], 'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert told.strip() == f"got-ocr2 {DIM} [('base', 256, 256)] False"


def test_other_weights_are_another_revision(folder: Path, tmp_path: Path):
    weights = load_file(folder / "model.safetensors")
    weights["vision_tower.pos_embed"][0, 0, 0, 0] += 1
    write(tmp_path / "other", weights)

    assert GotReader(folder).profile.revision == GotReader(folder).profile.revision
    assert GotReader(tmp_path / "other").profile.revision != GotReader(folder).profile.revision


def test_a_page_that_is_not_read_is_unread_and_fails_its_certificate(folder: Path, images: list[Image]):
    """A random model never ends, which is no reading."""
    reader = GotReader(folder)
    page = PageRenderer(reader.grid).paginate([PlacedTurn(Turn("user", "A short page."), "a", 0, 0)])[0]
    tokens = [unpack(INT8.pack(t)) for t in reader.encode(images[:1], reader.profile.ladder[0])]

    (read,) = reader.decode(tokens, [page.layout])

    assert len(read.text) == len(read.confidence) == page.layout.n_chars
    assert set(read.text) <= {"\ufffd", "\n", " "}
    with pytest.raises(ReadingFailed, match="did not end"):
        reader.certify(tokens, [page])


def test_what_the_decoder_wrote_is_fitted_to_the_page(folder: Path, images: list[Image]):
    reader = GotReader(folder, dtype="float32")
    tokens = reader.encode(images[:1], reader.profile.ladder[0])
    ends_after(reader._decoder, tokens[0].values, 60)
    (wrote,) = reader._decoder.transcribe([task(tokens[0].values, 200)])
    assert wrote.ended
    page = PageRenderer(reader.grid).paginate([PlacedTurn(Turn("user", "x" * len(wrote.text)), "a", 0, 0)])[0]

    (read,) = reader.decode(tokens, [page.layout])

    assert len(read.text) == page.layout.n_chars
    assert reader.certify(tokens, [page])[0].text == read.text
    assert 0 < read.confidence.max() <= 1


def test_tokens_and_pictures_of_others_are_refused(folder: Path, images: list[Image]):
    reader = GotReader(folder)
    rung = reader.profile.ladder[0]
    (tokens,) = reader.encode(images[:1], rung)
    page = PageRenderer(reader.grid).paginate([PlacedTurn(Turn("user", "A page."), "a", 0, 0)])[0]

    with pytest.raises(ReaderMismatch, match="1024 px pages"):
        reader.encode([images[0][:512, :512]], rung)
    with pytest.raises(ReaderMismatch, match="at large"):
        reader.encode(images[:1], V1_LADDER[0])
    for other in ({"revision": "0"}, {"reader": "pocket"}, {"rung": "tiny"}, {"values": tokens.values[:100]}):
        changed = type(tokens)(**{n: getattr(tokens, n) for n in ("values", "reader", "revision", "rung")} | other)
        with pytest.raises(ReaderMismatch):
            reader.decode([changed], [page.layout])
