"""A file, a recording and a film in a message cost their stated price, whatever form they have."""

from __future__ import annotations

from typing import Any

import pytest

from optical_memory.agents import compress
from optical_memory.agents.attachment_prices import attachment_tokens
from optical_memory.agents.message_groups import group_messages
from optical_memory.errors import BudgetTooSmall
from optical_memory.loaders.payloads import ENCRYPTED, digest_ref
from optical_memory.turns import Attachment


@pytest.mark.parametrize(
    ("attachment", "n_tokens"),
    [
        (Attachment("image", "https://example.org/a.png"), 765),
        (Attachment("file", "https://example.org/plan.pdf"), 2_350),
        (Attachment("file", digest_ref("application/pdf", "QUJD" * 50_000)), 3 * 2_350),
        (Attachment("audio", "file-7"), 60 * 32),
        (Attachment("audio", digest_ref("audio/mp3", "QUJD" * 16_000)), 3 * 32),
        (Attachment("video", "https://example.org/a.mp4"), 60 * 263),
        (Attachment("file", digest_ref(ENCRYPTED, "QUJD")), 1),
        (Attachment("file", digest_ref(ENCRYPTED, "QUJD" * 9_000)), 1_024),
    ],
)
def test_an_attachment_costs_by_its_kind_and_size(attachment: Attachment, n_tokens: int):
    assert attachment_tokens(attachment) == n_tokens


PARTS: list[dict[str, Any]] = [
    {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "QUJD" * 9_000}},
    {"type": "input_audio", "input_audio": {"data": "QUJD" * 90_000, "format": "wav"}},
    {"inlineData": {"mimeType": "video/mp4", "data": "QUJD" * 9_000}},
    {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
]


@pytest.mark.parametrize("part", PARTS)
def test_a_message_with_a_file_costs_more_than_its_words(part: dict[str, Any]):
    message = {"role": "user", "content": [part, {"type": "text", "text": "Sum up."}]}
    with pytest.raises(BudgetTooSmall):
        compress([message], 100)


def test_a_models_reasoning_stays_with_the_call_that_it_led_to():
    summary = [{"type": "summary_text", "text": "The stock is in the cellar."}]
    items = [
        {"role": "user", "content": "How many?"},
        {"type": "reasoning", "id": "rs", "summary": summary, "encrypted_content": "QUJD" * 90},
        {"type": "function_call", "call_id": "c", "name": "stock", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "Four."},
    ]
    assert [group.positions for group in group_messages(items)] == [(0,), (1, 2, 3)]
