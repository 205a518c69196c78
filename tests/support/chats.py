"""Messages of chatbots and of agents with tools, and what they cost."""

from __future__ import annotations

from typing import Any

from optical_memory.counting import count_tokens

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
