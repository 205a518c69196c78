"""pocket's decoder sees the prefix as a whole pass over it would show it."""

from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache

from optical_memory.readers.pocket import PocketReader
from optical_memory.readers.pocket.network import decoder_prefix
from optical_memory.readers.pocket.page_decoder import PageDecoder
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.turns import Turn


@pytest.mark.parametrize("rung_name", ["base", "small", "tiny"])
def test_the_keys_and_values_of_the_prefix_are_those_of_a_whole_pass(rung_name: str) -> None:
    reader = PocketReader()
    rung = reader.profile.rung(rung_name)
    turns = [PlacedTurn(Turn("user", f"Berth {i} is free."), f"t{i}", i) for i in range(40)]
    page = PageRenderer().paginate(turns)[0]
    (tokens,) = reader.encode([PageRenderer().draw(page, rung.side_px)], rung)
    with torch.inference_mode():
        decoder = PageDecoder(reader.network, tokens.values, page.layout.grid, rung)
        whole_pass = DynamicCache()
        decoder.hidden_states(
            decoder_prefix(decoder.model, decoder.cells, decoder.tokens), whole_pass
        )
    (layer,) = decoder._cache.layers
    (expected,) = whole_pass.layers
    assert layer.keys.shape[2] == decoder.n_prefix
    torch.testing.assert_close(layer.keys, expected.keys, rtol=0, atol=0)
    torch.testing.assert_close(layer.values, expected.values, rtol=0, atol=0)
