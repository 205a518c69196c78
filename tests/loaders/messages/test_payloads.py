"""Payloads are attachments by reference: of their kind, with a digest and a size, never text."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from support.message_forms import PAYLOAD

from optical_memory.loaders import openai_messages
from optical_memory.turns import Turn

SIZE = f"chars={len(PAYLOAD)}"
BYTES = base64.b64decode(PAYLOAD)


def turn_with(part: Any, role: str = "user") -> Turn:
    return openai_messages([{"role": role, "content": [part]}])[0].turns[0]


PARTS: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "redacted_thinking", "data": PAYLOAD}, "file", "application/x-encrypted"),
    ({"type": "media", "mime_type": "image/png", "data": PAYLOAD}, "image", "image/png"),
    ({"inline_data": {"mime_type": "audio/mp3", "data": BYTES}}, "audio", "audio/mp3"),
    ({"inlineData": {"mimeType": "video/mp4", "data": PAYLOAD}}, "video", "video/mp4"),
    ({"type": "image_generation_call", "result": PAYLOAD}, "image", "image/*"),
    ({"image": {"format": "png", "source": {"bytes": BYTES}}}, "image", "image/png"),
    ({"document": {"format": "pdf", "source": {"bytes": BYTES}}}, "file", "application/pdf"),
    ({"type": "file", "mediaType": "audio/wav", "data": PAYLOAD}, "audio", "audio/wav"),
    ({"type": "image", "image": PAYLOAD, "mediaType": "image/webp"}, "image", "image/webp"),
    (
        {"type": "image", "image": {"type": "Buffer", "data": list(BYTES)}},
        "image",
        "image/*",
    ),
    ({"type": "image", "base64": PAYLOAD, "mime_type": "image/gif"}, "image", "image/gif"),
    (
        {"type": "resource", "resource": {"uri": "a:b", "mimeType": "video/mp4", "blob": PAYLOAD}},
        "video",
        "video/mp4",
    ),
    ({"type": "reasoning", "encrypted_content": PAYLOAD}, "file", "application/x-encrypted"),
    ({"text": None, "thoughtSignature": BYTES}, "file", "application/x-signature"),
]


@pytest.mark.parametrize(("part", "kind", "media_type"), PARTS)
def test_a_payload_is_an_attachment_of_its_kind(part: Any, kind: str, media_type: str):
    turn = turn_with(part, "assistant")
    (attachment,) = turn.attachments
    assert (turn.text, attachment.kind) == ("", kind)
    pattern = rf"data:{re.escape(media_type)};sha256=[0-9a-f]{{16}};{SIZE}"
    assert re.fullmatch(pattern, attachment.ref)


def test_a_picture_has_the_same_reference_as_bytes_and_as_base64():
    as_bytes = {"image": {"format": "png", "source": {"bytes": BYTES}}}
    as_url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PAYLOAD}"}}
    assert turn_with(as_bytes).attachments == turn_with(as_url).attachments


@pytest.mark.parametrize(
    "content",
    [
        f"See ![the plan](data:image/png;base64,{PAYLOAD}) here.",
        f'See {{"shot": "{PAYLOAD}"}} here.',
        [{"type": "text", "text": f"See data:image/png;base64,{PAYLOAD} here."}],
        [{"type": "odd", "words": "See here.", "blob": PAYLOAD}],
    ],
)
def test_a_payload_inside_a_text_leaves_a_reference_there(content: Any):
    (turn,) = openai_messages([{"role": "user", "content": content}])[0].turns
    (attachment,) = turn.attachments
    assert PAYLOAD not in turn.text
    assert "See" in turn.text
    assert "here." in turn.text
    assert attachment.ref in turn.text


def test_a_payload_in_the_arguments_of_a_call_is_an_attachment():
    arguments = json.dumps({"name": "plan", "bytes": PAYLOAD})
    function = {"name": "save", "arguments": arguments}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "function": function}]}
    (turn,) = openai_messages([message])[0].turns
    assert PAYLOAD not in turn.tool_calls[0].arguments
    assert json.loads(turn.tool_calls[0].arguments)["bytes"] == turn.attachments[0].ref


def test_a_result_that_is_nothing_but_base64_is_an_attachment():
    message = {"role": "tool", "tool_call_id": "c", "content": PAYLOAD}
    (turn,) = openai_messages([message])[0].turns
    assert (turn.text, len(turn.attachments)) == ("", 1)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5_000,
        "/usr/share/" * 100 + "notes.txt",
        "data:image/png;base64,iVBORw0KGgo…",
        "[image: <data:image/png;sha256=0123456789abcdef;chars=800>]",
    ],
)
def test_long_words_paths_and_examples_stay_text(text: str):
    (turn,) = openai_messages([{"role": "user", "content": text}])[0].turns
    assert (turn.text, turn.attachments) == (text, ())


def test_a_signature_beside_words_is_an_attachment_and_no_text():
    turn = turn_with({"type": "thinking", "thinking": "Maybe.", "signature": PAYLOAD}, "assistant")
    assert turn.text == "Maybe."
    assert [item.caption for item in turn.attachments] == ["signature"]


def test_the_words_of_a_document_are_text_and_its_name_stands_before_them():
    source = {"type": "text", "media_type": "text/plain", "data": "The code is 8812."}
    turn = turn_with({"type": "document", "title": "Vault", "source": source})
    assert (turn.text, turn.attachments) == ("Vault\n\nThe code is 8812.", ())
