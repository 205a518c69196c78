"""Small files as published data sets have them, each as its data."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ALPACA",
    "ARENA",
    "CORPORA",
    "MESSAGE_ROWS",
    "OASST",
    "OASST_TREES",
    "PREFERENCES",
    "SHAREGPT",
    "ULTRACHAT",
    "WILDCHAT",
]

WILDCHAT: list[Any] = [
    {
        "conversation_hash": "w1",
        "model": "gpt-4-0314",
        "timestamp": "2023-05-01T10:00:30+00:00",
        "conversation": [
            {"role": "user", "content": "Name a knot.", "turn_identifier": 7, "timestamp": None},
            {
                "role": "assistant",
                "content": "Bowline.",
                "turn_identifier": 7,
                "timestamp": "2023-05-01T10:00:30+00:00",
            },
        ],
        "turn": 1,
        "language": "English",
    },
    {"conversation_hash": "w2", "model": "gpt-4-0314", "conversation": []},
]

ARENA: list[Any] = [
    {
        "question_id": "k9",
        "model_a": "alpaca",
        "model_b": "vicuna",
        "winner": "model_b",
        "conversation_a": [
            {"role": "user", "content": "Tie it."},
            {"role": "assistant", "content": "No."},
        ],
        "conversation_b": [
            {"role": "user", "content": "Tie it."},
            {"role": "assistant", "content": "Tied."},
        ],
    }
]

ULTRACHAT: list[Any] = [{"id": "17", "data": ["Which rope?", "Hemp.", "Why?", "It grips."]}]

MESSAGE_ROWS: list[Any] = [
    {
        "prompt": "Splice it.",
        "prompt_id": "p1",
        "messages": [
            {"role": "user", "content": "Splice it."},
            {"role": "assistant", "content": "Spliced."},
        ],
    },
    {"prompt_id": "p2", "messages": []},
]


def _answer(id: str, parent: str | None, text: str, **fields: Any) -> dict[str, Any]:
    role = "prompter" if parent is None or parent.startswith("a") else "assistant"
    return {"message_id": id, "parent_id": parent, "text": text, "role": role, **fields}


OASST: list[Any] = [
    _answer("p1", None, "What is hemp?", lang="en", message_tree_id="p1"),
    _answer("a1", "p1", "A song.", rank=1),
    _answer("a2", "p1", "A plant.", rank=0, created_date="2023-02-05T14:23:50+00:00"),
    _answer("q1", "a1", "Who sings it?"),
    _answer("q2", "a2", "Where does it grow?"),
    _answer("a3", "q2", "In fields.", deleted=True),
    _answer("a4", "q2", "In the sun."),
    _answer("p2", None, "Another tree."),
]

OASST_TREES: list[Any] = [
    {
        "message_tree_id": "p1",
        "tree_state": "ready_for_export",
        "prompt": {
            "message_id": "p1",
            "text": "What is jute?",
            "role": "prompter",
            "replies": [
                {"message_id": "a1", "text": "A boat.", "role": "assistant", "rank": 1},
                {
                    "message_id": "a2",
                    "text": "A fibre.",
                    "role": "assistant",
                    "rank": 0,
                    "replies": [
                        {"message_id": "q1", "text": "Thanks.", "role": "prompter", "replies": []}
                    ],
                },
            ],
        },
    }
]

SHAREGPT: list[Any] = [
    {
        "id": "s1",
        "system": "You rig ships.",
        "tools": [{"name": "winch", "description": "pulls a rope"}],
        "conversations": [
            {"from": "human", "value": "Hoist it."},
            {"from": "function_call", "value": '{"name": "winch", "arguments": {}}'},
            {"from": "observation", "value": "hoisted"},
        ],
        "chosen": {"from": "gpt", "value": "It is up."},
        "rejected": {"from": "gpt", "value": "It fell."},
    },
    {"id": "s2", "conversations": []},
]

ALPACA: list[Any] = [
    {
        "instruction": "Translate.",
        "input": "Tau",
        "output": "Rope",
        "system": "You know German.",
        "history": [["Segel?", "Sail"]],
    },
    {"instruction": "", "input": "", "output": ""},
]

PREFERENCES: list[Any] = [
    {
        "prompt": "Belay!",
        "chosen": [
            {"role": "user", "content": "Belay!"},
            {"role": "assistant", "content": "Made fast."},
        ],
        "rejected": [
            {"role": "user", "content": "Belay!"},
            {"role": "assistant", "content": "What?"},
        ],
    },
    {
        "chosen": "\n\nHuman: Reef it.\n\nAssistant: Reefed.\n\nHuman: Good.\n\nAssistant: Aye.",
        "rejected": "\n\nHuman: Reef it.\n\nAssistant: Later.",
    },
    {"prompt": "Furl it.", "chosen": "Furled.", "rejected": "Never."},
]

CORPORA: dict[str, Any] = {
    "WildChat, LMSYS or UltraChat rows": WILDCHAT,
    "WildChat, LMSYS or UltraChat rows | arena": ARENA,
    "WildChat, LMSYS or UltraChat rows | texts": ULTRACHAT,
    "rows of messages": MESSAGE_ROWS,
    "OpenAssistant trees": OASST,
    "OpenAssistant trees | nested": OASST_TREES,
    "ShareGPT": SHAREGPT,
    "prompts and answers": ALPACA,
    "prompts and answers | pairs": PREFERENCES,
}
"""A file of each format, by the name that `load_file` says, and an addition after a bar."""
