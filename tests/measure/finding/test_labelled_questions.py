"""Questions of MemoryBank and of tau-bench, whose evidence is this project's own work."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from support.question_files import memorybank_file, taubench_call, taubench_file

from optical_memory.errors import InputError
from optical_memory.loaders import load
from optical_memory.measure.finding.question_sets import QuestionSet, read_question_sets
from optical_memory.measure.finding.questions.memorybank import LABELS
from optical_memory.measure.finding.questions.question_set import evidence_text
from optical_memory.measure.finding.questions.taubench import RUNS

# ---- MemoryBank ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["cn", "en"])
def test_memorybank_questions_have_our_labels(tmp_path: Path, language: str) -> None:
    user, _ = read_question_sets(memorybank_file(tmp_path, language))

    assert [question.text for question in user.questions] == ["Which film?", "Which novel?"]
    assert [question.turn_ids for question in user.questions] == [
        ("2023-04-30:4q",),
        ("2023-05-01:1q",),
    ]
    assert {question.kind for question in user.questions} == {"said by user"}
    assert user.sessions["2023-05-01:2a"] == "2023-05-01"


def test_a_user_without_labels_has_no_evidence(tmp_path: Path) -> None:
    _, nemo = read_question_sets(memorybank_file(tmp_path))
    assert (nemo.questions, nemo.n_left_out) == ((), {"no evidence": 1})


def test_memorybank_needs_its_questions_and_its_name(tmp_path: Path) -> None:
    file = memorybank_file(tmp_path, has_questions=False)
    with pytest.raises(InputError, match=r"no probing_questions_en\.jsonl beside it"):
        read_question_sets(file)

    other_name = file.rename(tmp_path / "bank.json")
    with pytest.raises(InputError, match=r"bank\.json: expected MemoryBank's own name"):
        read_question_sets(other_name)


def test_questions_of_memorybank_are_objects(tmp_path: Path) -> None:
    file = memorybank_file(tmp_path, has_questions=False)
    (tmp_path / "probing_questions_en.jsonl").write_text('["Who?"]', encoding="utf-8")
    with pytest.raises(InputError, match="expected an object of questions by user"):
        read_question_sets(file)


def test_labels_are_ids_of_turns_and_no_text() -> None:
    labels = json.loads(LABELS.read_text(encoding="utf-8"))

    assert set(labels) == {"cn", "en"}
    for users in labels.values():
        assert len(users) == 15
        for by_number in users.values():
            assert list(by_number) == [str(n) for n in range(1, len(by_number) + 1)]
            ids = list(chain.from_iterable(by_number.values()))
            assert all(len(id) <= len("2023-04-28:10q") and id[-1] in "qa" for id in ids)


@pytest.mark.parametrize(
    ("language", "n_questions", "n_left_out"), [("cn", 100, {}), ("en", 99, {"no evidence": 1})]
)
def test_every_label_of_memorybank_at_hand_is_a_turn(
    data_dir: Path, language: str, n_questions: int, n_left_out: dict[str, int]
) -> None:
    sets = read_question_sets(data_dir / "eval" / "memorybank" / f"memory_bank_{language}.json")
    labels = json.loads(LABELS.read_text(encoding="utf-8"))[language]

    assert [questions.conversation.id for questions in sets] == list(labels)
    assert sum(len(questions.questions) for questions in sets) == n_questions
    left_out = [questions.n_left_out for questions in sets if questions.n_left_out]
    assert left_out == ([n_left_out] if n_left_out else [])
    for questions in sets:
        ids = chain.from_iterable(labels[questions.conversation.id].values())
        assert set(ids) <= {turn.id for turn in questions.conversation.turns}


# ---- tau-bench -----------------------------------------------------------------------------------


def test_calls_that_changed_something_are_asked_for(tmp_path: Path) -> None:
    [questions] = read_question_sets(taubench_file(tmp_path))

    by_kind = {question.kind: question for question in reversed(questions.questions)}
    assert set(by_kind) == {"cancellation", "handover"}
    cancellation = by_kind["cancellation"]
    assert cancellation.text == "Why did we cancel reservation RES0?"
    assert cancellation.turn_ids == ("run1:6", "run1:7", "run1:8")
    assert by_kind["handover"].text == "Why did we hand Mia Li over to a colleague?"
    assert by_kind["handover"].turn_ids == ("run1:10",)
    assert len({question.text for question in questions.questions}) == 4


def test_evidence_is_the_text_of_a_call_and_the_policy_is_left_out(tmp_path: Path) -> None:
    [questions] = read_question_sets(taubench_file(tmp_path))

    turns = {turn.id: turn for turn in questions.conversation.turns}
    call, _, words = (evidence_text(turns[id]) for id in questions.questions[0].turn_ids)
    assert call == '=> cancel_reservation({"reservation_id": "RES0"})'
    assert words == "RES0 is cancelled."
    assert "system" not in {turn.role for turn in turns.values()}


def test_ten_runs_are_a_conversation_and_what_was_done_twice_is_not_asked(tmp_path: Path) -> None:
    sets = read_question_sets(taubench_file(tmp_path, RUNS + 1))

    assert [questions.conversation.id for questions in sets] == ["runs1-10", "runs11-11"]
    assert kinds(sets[0]) == ["cancellation"] * 2 * RUNS  # Mia Li was handed over ten times
    assert kinds(sets[1]) == ["cancellation"] * 2 + ["handover"] * 2
    assert sets[1].sessions["run11:6"] == "run11"


def kinds(questions: QuestionSet) -> list[str]:
    return sorted(question.kind for question in questions.questions)


@pytest.mark.parametrize(
    "messages",
    [
        taubench_call("cancel_reservation", {"reservation_id": "R"}, "{}"),  # for nobody we know
        taubench_call("book_reservation", {"user_id": "mia_li_1"}, "{}")[:1],  # no answer
        taubench_call("calculate", {"user_id": "mia_li_1"}, "3"),
    ],
)
def test_other_calls_are_not_asked_for(tmp_path: Path, messages: list[dict[str, Any]]) -> None:
    file = tmp_path / "runs.json"
    file.write_text(json.dumps([{"traj": messages}]), encoding="utf-8")
    [questions] = read_question_sets(file)
    assert questions.questions == ()


def test_arguments_that_are_no_object_are_no_deed(tmp_path: Path) -> None:
    calls = taubench_call("send_certificate", {"user_id": "mia_li_1", "amount": 50}, "Added.")
    calls[0]["tool_calls"][0]["function"]["arguments"] = "mia_li_1"
    file = tmp_path / "runs.json"
    file.write_text(json.dumps([{"traj": calls}]), encoding="utf-8")
    assert read_question_sets(file)[0].questions == ()


def test_the_questions_about_the_runs_at_hand_are_always_the_same(data_dir: Path) -> None:
    file = data_dir / "eval" / "tau_gpt4o_airline.json"
    sets = read_question_sets(file)

    assert len(sets) == len(load(file)) / RUNS
    assert sum(len(questions.questions) for questions in sets) == 278
    assert sets == read_question_sets(file)
