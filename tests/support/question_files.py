"""Small files in the forms of LoCoMo, LongMemEval and BEAM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOPICS = ("harbour", "garden", "violin", "telescope", "bakery", "marathon")


def locomo_file(folder: Path, qa: list[dict[str, Any]] | None = None) -> Path:
    """Two people over three sessions, twelve turns each; a turn a topic, and small talk."""
    conversation: dict[str, Any] = {"speaker_a": "Ann", "speaker_b": "Ben"}
    for session in (1, 2, 3):
        conversation[f"session_{session}_date_time"] = f"1:56 pm on {session + 7} May, 2023"
        conversation[f"session_{session}"] = [
            {
                "speaker": ("Ann", "Ben")[number % 2],
                "dia_id": f"D{session}:{number}",
                "text": _text(session, number),
            }
            for number in range(1, 13)
        ]
    file = folder / "locomo.json"
    items = [{"sample_id": "conv-1", "conversation": conversation, "qa": qa or questions()}]
    file.write_text(json.dumps(items), encoding="utf-8")
    return file


def _text(session: int, number: int) -> str:
    if number % 2:
        return f"It rained again, and session {session} went on with small talk number {number}."
    topic = TOPICS[number // 2 - 1]
    return f"The {topic} that I told you about opens at gate {session}{number} tomorrow."


def questions() -> list[dict[str, Any]]:
    """A question that can be judged for each topic, and some that cannot."""
    judged = [
        {
            "question": f"At which gate is the {topic}?",
            "evidence": [f"D2:{2 * n}"],
            "category": 4,
        }
        for n, topic in enumerate(TOPICS, 1)
    ]
    return [
        *judged,
        {"question": "Who lied?", "evidence": ["D1:2"], "category": 5},
        {"question": "Is it late?", "evidence": [], "category": 3},
    ]


def longmemeval_file(folder: Path) -> Path:
    """A question over two sessions, of which the second comes twice, and one to abstain from."""
    sessions = [
        [{"role": "user", "content": "My cat is called Milo.", "has_answer": True}],
        [
            {"role": "user", "content": "What is the weather?"},
            {"role": "assistant", "content": "Rainy."},
        ],
        [{"role": "user", "content": "And my dog is Rex.", "has_answer": True}],
    ]
    item = {
        "question_id": "q1",
        "question_type": "single-session-user",
        "question": "How is my cat called?",
        "answer": "Milo",
        "haystack_session_ids": ["a", "b", "b"],
        "haystack_dates": ["2023/05/20 (Sat) 02:21"] * 3,
        "haystack_sessions": sessions,
    }
    file = folder / "longmemeval.json"
    file.write_text(json.dumps([item, {**item, "question_id": "q2_abs"}]), encoding="utf-8")
    return file


def beam_folder(folder: Path, sources: dict[str, Any] | None = None) -> Path:
    """Chats 2 and 10 of two batches, with a question for each kind of `sources`."""
    shapes = sources or {"information_extraction": [2], "abstention": None}
    for name in ("2", "10"):
        chat = folder / "beam" / name
        (chat / "probing_questions").mkdir(parents=True)
        batches = [
            {
                "batch_number": batch,
                "turns": [_beam_exchange(4 * batch), _beam_exchange(4 * batch + 2)],
            }
            for batch in (0, 1)
        ]
        (chat / "chat.json").write_text(json.dumps(batches), encoding="utf-8")
        probing = {
            kind: [{"question": f"Where is {kind}?", "source_chat_ids": source}]
            for kind, source in shapes.items()
        }
        file = chat / "probing_questions" / "probing_questions.json"
        file.write_text(json.dumps(probing), encoding="utf-8")
    return folder / "beam"


def _beam_exchange(first: int) -> list[dict[str, Any]]:
    return [
        {"role": "user", "id": first, "content": f"Question {first} about sprint {first}?"},
        {
            "role": "assistant",
            "id": first + 1,
            "content": f"Answer {first + 1}: on Monday.",
        },
    ]
