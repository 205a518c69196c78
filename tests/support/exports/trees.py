"""Exports whose messages are a tree under `mapping`: ChatGPT and DeepSeek."""

from __future__ import annotations

from typing import Any

__all__ = [
    "chatgpt_export",
    "deepseek_export",
    "node",
    "tree_message",
]


def node(id: str, parent: str | None, children: list[str], message: Any) -> dict[str, Any]:
    return {"id": id, "parent": parent, "children": children, "message": message}


def tree_message(id: str, role: str, content: Any, **more: Any) -> dict[str, Any]:
    """A message of ChatGPT; a string is the only part of its text."""
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    author = {"role": role, "name": more.pop("name", None), "metadata": {}}
    times = {"create_time": 1736000000.5, "update_time": None}
    return {
        "id": id,
        "author": author,
        **times,
        "content": content,
        "status": "finished_successfully",
        "weight": 1.0,
        "metadata": more.pop("metadata", {}),
        "recipient": more.pop("recipient", "all"),
        **more,
    }


def chatgpt_export() -> list[dict[str, Any]]:
    invisible = {"is_visually_hidden_from_conversation": True}
    context = {
        "content_type": "user_editable_context",
        "user_profile": "I grow apples near Kivik.",
        "user_instructions": "Answer briefly.",
    }
    picture = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "file-service://file-Leaf1",
        "width": 640,
        "height": 480,
        "metadata": None,
    }
    question = {"content_type": "multimodal_text", "parts": [picture, "Which pest is this?"]}
    files = [
        {"id": "file-Leaf1", "name": "leaf.jpg", "mimeType": "image/jpeg", "size": 9},
        {"id": "file-Plan2", "name": "orchard.pdf", "mime_type": "application/pdf"},
    ]
    thoughts = {
        "content_type": "thoughts",
        "thoughts": [{"summary": "Looking closer", "content": "Holes mean larvae.", "chunks": []}],
        "source_analysis_msg_id": "x",
    }
    code = {"content_type": "code", "language": "python", "text": "print(6 * 7)"}
    output = {"content_type": "execution_output", "text": "42"}
    quote = {
        "content_type": "tether_quote",
        "url": "https://moths.example/codling",
        "domain": "moths.example",
        "title": "Codling moth",
        "text": "Larvae tunnel into the fruit.",
    }
    browsing = {"content_type": "tether_browsing_display", "result": "L1: traps", "summary": ""}
    voice = {
        "content_type": "multimodal_text",
        "parts": [
            {
                "content_type": "audio_transcription",
                "text": "And when do I spray?",
                "direction": "in",
                "decoding_id": None,
            },
            {
                "content_type": "real_time_user_audio_video_asset_pointer",
                "frames_asset_pointers": [],
                "video_container_asset_pointer": None,
                "audio_asset_pointer": {
                    "content_type": "audio_asset_pointer",
                    "asset_pointer": "sediment://file_voice9",
                    "format": "wav",
                },
            },
        ],
    }
    mapping = {
        "root": node("root", None, ["sys"], None),
        "sys": node("sys", "root", ["ctx"], tree_message("sys", "system", "", metadata=invisible)),
        "ctx": node(
            "ctx", "sys", ["ask"], tree_message("ctx", "user", context, metadata=invisible)
        ),
        "ask": node(
            "ask",
            "ctx",
            ["old", "think"],
            tree_message("ask", "user", question, metadata={"attachments": files}),
        ),
        "old": node(
            "old", "ask", ["oldthanks"], tree_message("old", "assistant", "Perhaps aphids.")
        ),
        "oldthanks": node(
            "oldthanks", "old", [], tree_message("oldthanks", "user", "Aphids? Really?")
        ),
        "think": node("think", "ask", ["recap"], tree_message("think", "assistant", thoughts)),
        "recap": node(
            "recap",
            "think",
            ["call"],
            tree_message(
                "recap",
                "assistant",
                {"content_type": "reasoning_recap", "content": "Thought for 9s"},
            ),
        ),
        "call": node(
            "call", "recap", ["out"], tree_message("call", "assistant", code, recipient="python")
        ),
        "out": node("out", "call", ["quo"], tree_message("out", "tool", output, name="python")),
        "quo": node("quo", "out", ["brw"], tree_message("quo", "tool", quote, name="browser")),
        "brw": node("brw", "quo", ["ans"], tree_message("brw", "tool", browsing, name="browser")),
        "ans": node("ans", "brw", ["say"], tree_message("ans", "assistant", "A codling moth.")),
        "say": node("say", "ans", ["end"], tree_message("say", "user", voice)),
        "end": node("end", "say", [], tree_message("end", "assistant", "After petal fall.")),
    }
    for n, item in enumerate(mapping.values()):
        if item["message"] is not None:
            item["message"]["create_time"] = 1736000000.5 + n
    return [
        {
            "title": "Orchard",
            "create_time": 1736000000.5,
            "update_time": 1736000100.5,
            "mapping": mapping,
            "moderation_results": [],
            "current_node": "end",
            "conversation_id": "conv-apples",
            "default_model_slug": "gpt-5",
            "is_archived": False,
        },
        {"title": "Nothing here", "mapping": {"r": node("r", None, [], None)}, "current_node": "r"},
    ]


def deepseek_export() -> list[dict[str, Any]]:
    def fragments(*pairs: tuple[str, Any]) -> dict[str, Any]:
        items = [{"type": kind, "content": content} for kind, content in pairs]
        stamp = "2025-04-29T11:59:13.202000+08:00"
        return {"files": [], "model": "deepseek-chat", "inserted_at": stamp, "fragments": items}

    question = fragments(("REQUEST", "Name a desert."))
    question["files"] = [{"id": "file-d1", "file_name": "dunes.png"}]
    mapping = {
        "root": node("root", None, ["1"], None),
        "1": node("1", "root", ["2", "3"], question),
        "2": node("2", "1", [], fragments(("RESPONSE", "Sahara"))),
        "3": node("3", "1", [], fragments(("THINK", "Another dry place."), ("RESPONSE", "Gobi"))),
    }
    return [{"id": "d", "title": "Deserts", "inserted_at": "2025-04-29", "mapping": mapping}]
