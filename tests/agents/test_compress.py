"""`compress` for plain chatbots: fewer messages, within a budget, and no broken conversation."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.agents import compress
from optical_memory.counting import count_tokens
from optical_memory.errors import BudgetTooSmall, InputError, NotEnoughMemory
from optical_memory.profiles import ReaderProfile
from optical_memory.testing import TemplateReader

Message = dict[str, Any]


def cost(messages: list[Any]) -> int:
    """DeepSeek tokens of contents and of tool calls, as the body of a turn writes them."""
    total = 0
    for message in messages:
        total += count_tokens(message["content"] or "")
        for call in message.get("tool_calls", ()):
            function = call["function"]
            total += count_tokens(f"=> {function['name']}({function['arguments']})")
    return total


def words(message: Any) -> str:
    """The content of a message without its line ends."""
    return " ".join(message["content"].split())


def notes(n: int) -> list[Message]:
    return [
        {"role": "user", "content": f"Note {i}: the meeting about topic{i} moved to room {i}."}
        for i in range(n)
    ]


def chat(n: int) -> list[Message]:
    """Notes of a user, each with an answer."""
    messages: list[Message] = []
    for i, note in enumerate(notes(n)):
        messages += [note, {"role": "assistant", "content": f"So topic{i} is in room {i}."}]
    return messages


def tool_round(n: int) -> list[Message]:
    call = {
        "id": f"c{n}",
        "type": "function",
        "function": {"name": "look_up", "arguments": f'{{"n": {n}}}'},
    }
    return [
        {"role": "user", "content": f"Look up number {n}, please."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{n}", "content": f"Number {n} is {n * n}."},
        {"role": "assistant", "content": f"It is {n * n}."},
    ]


def test_messages_that_fit_come_back_as_they_are():
    messages = notes(5)
    assert compress(messages, 10_000) == messages


def test_the_shorter_list_fits_and_has_the_answer():
    messages = [*notes(200), {"role": "user", "content": "Which room has topic7?"}]
    shorter = compress(messages, 800)
    assert cost(shorter) <= 800
    assert "the meeting about topic7 moved to room 7" in words(shorter[0])
    assert shorter[-1] is messages[-1]


def test_the_query_may_be_given():
    messages = [*notes(200), {"role": "user", "content": "Well?"}]
    shorter = compress(messages, 800, query="topic31")
    assert "topic31 moved" in words(shorter[0])


def test_without_a_match_the_newest_of_the_older_messages_fill_the_room():
    messages = [*notes(200), {"role": "user", "content": "Zeppelin?"}]
    summary, *recent = compress(messages, 800)
    newest_older = 200 - (len(recent) - 1) - 1
    assert f"topic{newest_older} moved" in words(summary)
    assert "topic0 " not in words(summary)


def test_recalled_messages_are_in_the_order_of_the_conversation():
    too_long = {"role": "assistant", "content": "word " * 400}
    messages = [*notes(12), too_long, {"role": "user", "content": "And?"}]
    text = words(compress(messages, 500, query="To which room was the meeting moved?")[0])
    places = [text.index(f"topic{i} moved") for i in range(12)]
    assert places == sorted(places)


def test_system_messages_and_the_newest_turns_are_the_dicts_that_came_in():
    system = {"role": "system", "content": "Be kind."}
    messages = [system, *chat(100)]
    shorter = compress(messages, 600)
    assert shorter[0] is system
    assert shorter[1]["content"].startswith("<recall")
    recent = shorter[2:]
    assert len(recent) > 3
    newest = messages[-len(recent) :]
    assert all(output is message for output, message in zip(recent, newest, strict=True))


def test_the_newest_messages_take_the_room_that_passages_leave():
    messages = [*chat(100), {"role": "user", "content": "Who is the zookeeper?"}]
    messages[20] = {"role": "user", "content": "The zookeeper is called Walter."}
    shorter = compress(messages, 800)
    assert "Walter" in words(shorter[0])
    assert cost(shorter) > 800 - 2 * max(cost([message]) for message in messages)


def test_a_question_about_little_brings_little():
    messages = [*chat(100), {"role": "user", "content": "hi"}]
    shorter = compress(messages, 800)
    assert len(shorter) > 25
    assert cost(shorter) <= 800


def test_the_messages_that_came_in_are_not_changed():
    messages = notes(100)
    compress(messages, 300)
    assert messages == notes(100)


def test_two_messages_with_the_same_id_are_both_remembered():
    messages = [message | {"id": "same"} for message in notes(100)]
    shorter = compress(messages, 400, query="topic3 topic5")
    assert "topic3 moved" in words(shorter[0])
    assert "topic5 moved" in words(shorter[0])


@settings(max_examples=15, deadline=None)
@given(budget=st.integers(60, 900), rounds=st.integers(1, 12), asks=st.booleans())
def test_at_any_budget_it_fits_and_no_tool_call_is_without_its_result(
    budget: int, rounds: int, asks: bool
):
    messages: list[Message] = []
    for n in range(rounds):
        messages += tool_round(n)
    if asks:
        messages.append({"role": "user", "content": "What was number 1?"})
    try:
        shorter = compress(messages, budget)
    except BudgetTooSmall:
        last = len(messages) - 1 if asks else len(messages) - 4
        assert cost(messages[last:]) > budget
        return
    assert cost(shorter) <= budget
    call_ids: list[str] = []
    for message in shorter:
        call_ids += [call["id"] for call in message.get("tool_calls", ())]
    assert call_ids == [m["tool_call_id"] for m in shorter if m["role"] == "tool"]


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (
            {"function_call": {"name": "look_up", "arguments": "{}"}, "content": None},
            {"role": "function", "name": "look_up", "content": "It rains."},
        ),
        (
            {"content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "It rains."}],
            },
        ),
    ],
    ids=["function_call", "tool_use"],
)
def test_calls_of_other_formats_stay_with_their_results_too(call: Message, result: Message):
    exchange = [{"role": "assistant"} | call, result]
    question = {"role": "user", "content": "Does it rain?"}
    messages = [*notes(100), question, *exchange]
    assert compress(messages, 300)[-3:] == [question, *exchange]
    later = [*notes(100), question, *exchange, *notes(1)]
    for budget in (60, 80, 100, 120):
        shorter = compress(later, budget)
        assert [message in shorter for message in exchange] in ([True, True], [False, False])


def test_a_last_message_that_does_not_fit_is_an_error_that_says_what_it_needs():
    last = {"role": "user", "content": "A question of quite a few words indeed"}
    with pytest.raises(BudgetTooSmall, match=r"need \d+ tokens of a budget of 5"):
        compress([*notes(3), last], 5)


@pytest.mark.parametrize("wrong", ["b", {"content": "no role"}, {"role": 3}, {"role": "robot"}])
def test_a_wrong_message_is_an_error_that_says_where(wrong: Any):
    with pytest.raises(InputError, match=r"messages\[1\]"):
        compress([{"role": "user", "content": "a"}, wrong], 1)


def test_a_picture_counts_what_a_provider_bills_and_not_the_length_of_its_url():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}
    look = {"role": "user", "content": [{"type": "text", "text": "Look."}, picture]}
    assert compress([look], 1_000) == [look]
    with pytest.raises(BudgetTooSmall):
        compress([look], 700)


class FailingReader(TemplateReader):
    """A reader that fails as soon as somebody asks for its page size."""

    @property
    def profile(self) -> ReaderProfile:
        raise NotEnoughMemory("no room for a model")


def test_no_reader_is_asked_for_anything():
    assert len(compress(notes(100), 300, reader=FailingReader())) < 100


FULL_DISK = """
import resource, tempfile
from optical_memory.agents import compress

notes = [{"role": "user", "content": f"Note {i} of many."} for i in range(200)]
tempfile.tempdir = "/no such folder"
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
print(len(compress(notes, 300)) < 200)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits a process as POSIX systems can")
def test_nothing_is_written_to_a_disk():
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK], capture_output=True, text=True, timeout=120, check=True
    )
    assert child.stdout.split() == ["True"]
    assert child.stderr == ""


# ---- long runs of agents -------------------------------------------------------------------------


def openai_round(n: int) -> list[Message]:
    function = {"name": "ping", "arguments": f'{{"host": "srv{n}"}}'}
    call = {"id": f"c{n}", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{n}", "content": answer(n)},
    ]


def anthropic_round(n: int) -> list[Message]:
    call = {"type": "tool_use", "id": f"c{n}", "name": "ping", "input": {"host": f"srv{n}"}}
    result = {"type": "tool_result", "tool_use_id": f"c{n}", "content": answer(n)}
    reminder = {"type": "text", "text": "Reminder: use the tools."}
    return [
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result, reminder]},
    ]


def function_round(n: int) -> list[Message]:
    call = {"name": "ping", "arguments": f'{{"host": "srv{n}"}}'}
    return [
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "ping", "content": answer(n)},
    ]


def parallel_round(n: int) -> list[Message]:
    first = openai_round(2 * n)
    second = openai_round(2 * n + 1)
    calls = [*first[0]["tool_calls"], *second[0]["tool_calls"]]
    return [first[0] | {"tool_calls": calls}, first[1], second[1]]


def answer(n: int) -> str:
    state = "is down since noon" if n == 17 else f"answers in {n} ms, disk {n} % full"
    return f"Host srv{n} {state}."


ROUNDS = [openai_round, anthropic_round, function_round, parallel_round]


def run_of(one_round: Any, n: int) -> list[Message]:
    messages: list[Message] = [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": "Ping all hosts: which host is down?"},
    ]
    for i in range(n):
        messages += one_round(i)
    return messages


@pytest.mark.parametrize("one_round", ROUNDS)
@pytest.mark.parametrize("budget", [150, 400, 1_000])
def test_a_long_run_keeps_its_question_and_its_newest_whole_rounds(one_round: Any, budget: int):
    messages = run_of(one_round, 60)
    shorter = compress(messages, budget)
    assert messages[1] in shorter
    n_newest = len(shorter) - shorter.index(messages[1]) - 1
    newest = messages[-n_newest:]
    assert all(a is b for a, b in zip(shorter[-n_newest:], newest, strict=True))
    assert n_newest % len(one_round(0)) == 0
    assert 0 < n_newest < len(messages) - 2


@pytest.mark.parametrize("one_round", ROUNDS)
def test_a_long_run_recalls_its_own_older_rounds(one_round: Any):
    shorter = compress(run_of(one_round, 60), 1_000)
    assert any("srv17 is down since noon" in str(message["content"]) for message in shorter)


def test_all_rounds_after_the_question_stay_if_they_fit():
    messages = [*chat(50), *run_of(openai_round, 4)[1:]]
    assert compress(messages, 500)[-9:] == messages[-9:]


def test_a_note_of_the_host_does_not_part_a_call_from_its_results():
    call, *results = parallel_round(0)
    note = {"role": "system", "content": "Be brief."}
    pair = [call, results[0], note, results[1]]
    end = [{"role": "assistant", "content": "Both are up."}, *chat(3)]
    messages = [*chat(20), {"role": "user", "content": "Ping both."}, *pair, *end]
    for budget in range(60, 400, 17):
        shorter = compress(messages, budget)
        assert len([m for m in (call, *results) if m in shorter]) in (0, 3)


# ---- roles ---------------------------------------------------------------------------------------


def roles(messages: list[Any]) -> list[str]:
    return [message["role"] for message in messages if message["role"] != "system"]


@settings(max_examples=40, deadline=None)
@given(
    budget=st.integers(30, 1_500),
    n=st.integers(1, 40),
    n_rounds=st.integers(0, 30),
    in_parts=st.booleans(),
    kind=st.sampled_from(ROUNDS[:2]),
)
def test_at_any_budget_roles_alternate_as_they_did_and_the_user_begins(
    budget: int, n: int, n_rounds: int, in_parts: bool, kind: Any
):
    messages = [{"role": "system", "content": "Be kind."}, *chat(n)]
    messages += run_of(kind, n_rounds)[1:]
    if in_parts:
        for message in messages:
            if message["role"] == "user" and isinstance(message["content"], str):
                message["content"] = [{"type": "text", "text": message["content"]}]
    try:
        shorter = compress(messages, budget)
    except BudgetTooSmall:
        return
    assert roles(shorter)[0] == "user"
    assert all(a != b for a, b in itertools.pairwise(roles(shorter)))
    assert all(m["content"] or m.get("tool_calls") for m in shorter)


def test_passages_and_a_user_message_behind_them_are_a_single_message():
    long_answer = {"role": "assistant", "content": "word " * 100}
    for content in ("Where is topic7?", [{"type": "text", "text": "Where is topic7?"}]):
        question = {"role": "user", "content": content}
        (message,) = compress([*chat(40), long_answer, question], 120)
        passages, *rest = frame_and_rest(message["content"])
        assert passages.startswith("<recall")
        assert "topic7 moved" in passages
        assert rest == [content if isinstance(content, str) else content[0]]


def frame_and_rest(content: Any) -> list[Any]:
    """The passages at the beginning of a content, and what comes after them."""
    if isinstance(content, str):
        return content.rsplit("\n\n", 1)
    return [content[0]["text"], *content[1:]]


# ---- odd and large input -------------------------------------------------------------------------


def test_arguments_that_are_nested_too_deep_are_an_error_that_says_where():
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(20_000):
        inner["a"] = {}
        inner = inner["a"]
    function = {"name": "f", "arguments": deep}
    call = {"id": "1", "type": "function", "function": function}
    messages = [*notes(80), {"role": "assistant", "content": None, "tool_calls": [call]}]
    with pytest.raises(InputError, match=r"messages\[80\]: it is nested too deep"):
        compress(messages, 300)


@pytest.mark.parametrize("budget", [-1, 1.5, "many", None])
def test_a_budget_that_is_no_number_is_refused(budget: Any):
    with pytest.raises(InputError, match="budget"):
        compress(notes(3), budget)


def test_a_list_without_messages_stays_empty():
    assert compress([], 0) == []


def test_a_huge_question_is_searched_for_by_its_ends():
    paste = "lorem ipsum dolor " * 2_000
    question = {"role": "user", "content": f"{paste} Where is topic7?"}
    shorter = compress([*chat(40), question], cost([question]) + 200)
    assert "topic7 moved" in words(shorter[0])


def cpu_seconds(messages: list[Message], budget: int) -> float:
    start = time.process_time()
    compress(messages, budget)
    return time.process_time() - start


def test_two_thousand_messages_cost_about_a_second():
    story = "It was a long story about many things and nobody knew the end of it. " * 4
    messages: list[Message] = [note | {"content": note["content"] + story} for note in notes(2_000)]
    assert min(cpu_seconds(messages, 8_000) for _ in range(2)) < 3  # 0.8 s on a quiet machine


def test_a_huge_result_costs_by_its_length():
    def messages(n_chars: int) -> list[Message]:
        line = "10:41 srv7 INFO request 8812 took 31 ms status ok\n"
        call, result = openai_round(1)
        log = result | {"content": line * (n_chars // len(line))}
        question = {"role": "user", "content": "Which request was slow?"}
        return [*notes(1), call, log, {"role": "assistant", "content": "Read."}, question]

    short = min(cpu_seconds(messages(100_000), 2_000) for _ in range(2))
    assert cpu_seconds(messages(800_000), 2_000) < 24 * short
