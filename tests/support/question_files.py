"""Small files in the forms of LoCoMo, LongMemEval, BEAM, MemoryBank and tau-bench."""

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


def longmemeval_update(folder: Path) -> Path:
    """A question about a fact that changed from the first session to the second."""
    item = {
        "question_id": "q1",
        "question_type": "knowledge-update",
        "question": "Where do I keep my bicycle?",
        "answer": "In the cellar",
        "haystack_session_ids": ["a", "b"],
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/06/20 (Tue) 02:21"],
        "haystack_sessions": [
            [{"role": "user", "content": f"I keep my bicycle in the {place}.", "has_answer": True}]
            for place in ("hall beside the green door", "cellar behind the old piano")
        ],
    }
    file = folder / "update.json"
    file.write_text(json.dumps([item]), encoding="utf-8")
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


def memorybank_file(folder: Path, language: str = "en", has_questions: bool = True) -> Path:
    """Two days of a user, of whom the package has labels, with two of the questions beside them."""
    user = {"en": "Emily", "cn": "张曼婷"}[language]
    # Question 1 is answered by 2023-04-30:4q, question 2 by 2023-05-01:1q.
    history = {
        "2023-04-30": [_memorybank_exchange(n) for n in range(1, 6)],
        "2023-05-01": [_memorybank_exchange(n) for n in range(6, 8)],
    }
    users = {f" {user} ": {"name": user, "history": history}, "Nemo": {"history": history}}
    file = folder / f"memory_bank_{language}.json"
    file.write_text(json.dumps(users), encoding="utf-8")
    if has_questions:
        questions = folder / f"eval_data_{language}_probing_questions_{language}.jsonl"
        lines = [{user: ["Which film?", "Which novel?"]}, {"Nemo": ["Who?"]}]
        questions.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


def _memorybank_exchange(number: int) -> dict[str, str]:
    return {"query": f"I saw film {number}.", "response": f"Was film {number} any good?"}


def taubench_file(folder: Path, n_runs: int = 1) -> Path:
    """Runs in which an agent reads a user's data, fails, cancels a booking and hands over."""
    runs = [{"task_id": n, "trial": 0, "traj": _taubench_run(n)} for n in range(n_runs)]
    file = folder / "runs.json"
    file.write_text(json.dumps(runs), encoding="utf-8")
    return file


def _taubench_run(number: int) -> list[dict[str, Any]]:
    reservation = {"reservation_id": f"RES{number}"}
    return [
        {"role": "system", "content": "The policy."},
        {"role": "user", "content": f"Cancel RES{number}, please."},
        *taubench_call("get_user_details", {"user_id": "mia_li_3668"}, "{}"),
        *taubench_call("update_reservation_flights", reservation, "Error: no seats"),
        *taubench_call("cancel_reservation", reservation, "{}"),
        {"role": "assistant", "content": f"RES{number} is cancelled."},
        {"role": "user", "content": "And my bags?"},
        *taubench_call("transfer_to_human_agents", {"summary": "Bags."}, "Transfer successful"),
    ]


def taubench_call(name: str, arguments: dict[str, Any], answer: str) -> list[dict[str, Any]]:
    """A call of an agent, and the answer of the tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": "call_1", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "name": name, "content": answer},
    ]
