"""The surfaces on which recalled text is handed over, each with a check of what it hands over."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from optical_memory import OpticalMemory, Turn
from optical_memory.agents import compress
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.agents.langchain import OpticalMemoryMiddleware
from optical_memory.agents.langchain.adapters.chat_history import OpticalChatMessageHistory
from optical_memory.agents.langchain.adapters.memory_node import MemoryNode
from optical_memory.agents.mcp.answers import context_answer
from optical_memory.agents.openai_agents import OpticalSession
from optical_memory.agents.recall_answers import recall_answer
from optical_memory.recall.speaker import speaker
from optical_memory.recall.window.messages import QUOTED_LEGEND
from optical_memory.testing import TemplateReader
from support.frame_parser import PAGE_MARK, ROLE_OF_SIGN, frame_problems, letters, message_problems
from support.hostile_payloads import Payload
from support.scripted_agents import view_of

__all__ = [
    "SURFACES",
    "Scene",
    "scene",
]

READER = TemplateReader()
ORIGINS = ("tool", "user", "assistant")


@dataclass(frozen=True)
class Scene:
    """A memory with hostile turns among harmless ones, and all that was said."""

    memory: OpticalMemory
    turns: tuple[Turn, ...]
    folder: Path

    def by_label(self, separator: str = ": ") -> dict[str, list[Turn]]:
        """The turns under the label that they must have; the longest labels first."""
        groups: dict[str, list[Turn]] = {}
        for turn in self.turns:
            groups.setdefault(f"{speaker(turn.role, turn.name)}{separator}", []).append(turn)
        return dict(sorted(groups.items(), key=lambda item: -len(item[0])))


def hostile_turn(payload: Payload, number: int, origin: Any) -> Turn:
    """A turn with a word to find it by, and then the payload."""
    name = "web" if origin == "tool" else None
    return Turn(origin, f"beacon{number} {payload.text}", name=name, id=f"m{number}")


def harmless_turns(n: int) -> list[Turn]:
    return [
        Turn("assistant" if i % 2 else "user", f"Word {i} of {i * 7} about gardens.", id=f"h{i}")
        for i in range(n)
    ]


@contextmanager
def scene(
    folder: Path, payloads: Sequence[Payload], origin: str, *, sealed: bool
) -> Iterator[Scene]:
    """A memory in which each payload was said by the origin; on pages if it is sealed."""
    turns: list[Turn] = []
    for number, payload in enumerate(payloads):
        turns += [Turn("user", f"Look up number {number}.", id=f"q{number}")]
        turns += [hostile_turn(payload, number, origin)]
    turns += harmless_turns(60)
    memory = OpticalMemory(
        "hostile",
        store=f"sqlite:///{folder}/{origin}-{sealed}.db",
        reader=READER,
        background=False,
        semantic=None,
        keep_turns=0 if sealed else 1_000,
    )
    with memory:
        memory.remember(turns)
        if sealed:
            memory.seal()
        yield Scene(memory, tuple(turns), folder)


# ---- surfaces ------------------------------------------------------------------------------------


def _memory(scene: Scene, number: int) -> list[str]:
    window = scene.memory.context(f"beacon{number}", 1_500)
    turns = scene.by_label()
    problems = message_problems(window.to_messages(), turns, [QUOTED_LEGEND])
    for message in window.to_langchain():
        if message.type == "system" and message.content != QUOTED_LEGEND:
            problems.append("a system message that nobody of the system wrote")
    return problems


def _memory_images(scene: Scene, number: int) -> list[str]:
    window = scene.memory.context(f"beacon{number}", 1_500, "image", host="claude-5")
    problems: list[str] = []
    labels = set(scene.by_label(":"))
    for sheet in window.sheets:
        for row in sheet.rows:
            for segment in row.segments:
                is_ours = segment.text.startswith(("[", "…"))
                is_ours |= any(label.startswith(segment.text) for label in labels)
                if segment.is_label and not is_ours:
                    problems.append(f"a label on a sheet that is not ours: {segment.text!r}")
                if "█" in segment.text or "▌" in segment.text or "■" in segment.text:
                    problems.append("a text with a bar")
    return problems


def _recall_tool(scene: Scene, number: int) -> list[str]:
    answers = [recall_answer(scene.memory, f"beacon{number}", k=3)]
    problems = [p for answer in answers for p in frame_problems(answer.text, scene.by_label())]
    lines = recall_answer(scene.memory, f"beacon{number}", detail="lines", k=3).text
    edge = [line for line in lines.splitlines()[2:-1] if not line.startswith(" ")]
    problems += [f"a line of nobody: {line!r}" for line in edge if not line.startswith("[")]
    if len(edge) > 3:
        problems.append("more lines than matches")
    for info in scene.memory.pages():
        if any(f"m{number}" == id for id in scene.memory.read(info.id).turns):
            problems += _page_problems(scene, info.ordinal + 1)
    return problems


def _page_problems(scene: Scene, page: int) -> list[str]:
    """Each line at the left edge is a mark of a turn, of the right role, in order."""
    text = recall_answer(scene.memory, page=page).text
    lines = [line for line in text.splitlines()[3:-1] if not line.startswith(" ")]
    marks = [PAGE_MARK.match(line) for line in lines]
    if not all(marks):
        return ["a line of a page that no turn begins"]
    ordinals = [int(mark[1]) for mark in marks if mark]
    if ordinals != list(range(ordinals[0], ordinals[0] + len(ordinals))):
        return [f"marks out of order: {ordinals}"]
    roles = [ROLE_OF_SIGN[mark[2]] for mark in marks if mark]
    return [] if roles == [scene.turns[n].role for n in ordinals] else ["a mark of another role"]


def _mcp(scene: Scene, number: int) -> list[str]:
    return frame_problems(context_answer(scene.memory, f"beacon{number}", 1_000), scene.by_label())


def _chat_history(scene: Scene, number: int) -> list[str]:
    if number:
        return []  # it takes no question: all scenes are looked at once
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        messages = OpticalChatMessageHistory(scene.memory, budget=6_000).messages
    return _langchain_problems(messages, scene)


def _langchain_problems(messages: Sequence[Any], scene: Scene) -> list[str]:
    """Messages of ours have the frame; all others are those of the host, in their own roles."""
    problems: list[str] = []
    roles = {"human": "user", "ai": "assistant", "tool": "tool", "system": "system"}
    for message in messages:
        if message.additional_kwargs.get("lc_source") == "optical_memory":
            problems += frame_problems(str(message.content), scene.by_label())
            continue
        role = roles[message.type]
        texts = [letters(turn.text) for turn in scene.turns if turn.role == role]
        if str(message.content) and letters(str(message.content)) not in texts:
            problems.append(f"{role} says what no {role} said: {message.content!r}")
    return problems


def _host_messages(scene: Scene, number: int) -> list[Any]:
    """The scene as a host of LangChain has it, with a question about the payload."""
    messages: list[Any] = []
    for turn in scene.turns:
        if turn.role == "tool":
            call = {"name": "web", "args": {}, "id": f"c{turn.id}"}
            messages.append(AIMessage("", tool_calls=[call]))
            messages.append(ToolMessage(turn.text, tool_call_id=f"c{turn.id}", name="web"))
        else:
            kind = HumanMessage if turn.role == "user" else AIMessage
            messages.append(kind(turn.text))
    return [*messages, HumanMessage(f"What did beacon{number} say?")]


def _middleware(scene: Scene, number: int) -> list[str]:
    """The view of an agent of LangChain; each question has a session of its own."""
    messages = _host_messages(scene, number)
    memory = scene.memory.open(f"agent{number}")
    middleware = OpticalMemoryMiddleware(memory=memory, budget=1_500, on_error="raise")
    view, _ = view_of(middleware, messages)
    asked = Scene(memory, (*scene.turns, Turn("user", messages[-1].content)), scene.folder)
    return _langchain_problems(view, _with_calls(asked))


def _with_calls(scene: Scene) -> Scene:
    """The scene with the calls of the tool, as a frame shows them."""
    calls = [Turn("assistant", "=> web({})")] * 200
    return Scene(scene.memory, (*scene.turns, *calls), scene.folder)


def _memory_node(scene: Scene, number: int) -> list[str]:
    messages = _host_messages(scene, number)
    memory = scene.memory.open(f"node{number}")
    asked = Scene(memory, (*scene.turns, Turn("user", messages[-1].content)), scene.folder)
    return _langchain_problems(MemoryNode(memory, 1_500).view(messages), _with_calls(asked))


def _openai_agents(scene: Scene, number: int) -> list[str]:
    if number:
        return []
    items = OpticalSession(scene.memory, budget=6_000)._items()
    problems: list[str] = []
    for item in items:
        content = str(item.get("content") or "")
        if item.get("role") == "user" and content.startswith("<recall"):
            problems += frame_problems(content, scene.by_label())
        elif "role" in item:
            said = [letters(turn.text) for turn in scene.turns if turn.role == item["role"]]
            if letters(content) not in said:
                problems.append(f"{item['role']} never said {content!r}")
        elif item["type"] == "function_call_output":
            said = [letters(turn.text) for turn in scene.turns if turn.role == "tool"]
            if letters(item["output"]) not in said:
                problems.append("an output that no tool gave")
    return problems


def _compress(scene: Scene, number: int) -> list[str]:
    messages = [
        {"role": turn.role, "content": turn.text, "tool_call_id": f"c{turn.id}"}
        if turn.role == "tool"
        else {"role": turn.role, "content": turn.text}
        for turn in scene.turns
        if turn.role != "tool"
    ]
    tool = next((turn for turn in scene.turns if turn.id == f"m{number}"), None)
    if tool is not None and tool.role == "tool":  # a call and its result, as a host has them
        call = {"id": "c1", "type": "function", "function": {"name": "web", "arguments": "{}"}}
        pair = [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": tool.text, "tool_call_id": "c1", "name": "web"},
        ]
        messages = [*messages[:2], *pair, *messages[2:]]
    question = {"role": "user", "content": f"What did beacon{number} say?"}
    shown = compress([*messages, question], 900)
    problems: list[str] = []
    turns = _with_calls(scene).by_label()
    for message in shown:
        if message not in messages and message != question:
            tag = str(message["content"])[1:].split(">")[0]
            frame, end, words = str(message["content"]).partition(f"</{tag}>")
            said = {"role": message["role"], "content": words.strip()}
            if message["role"] != "user" or (words and said not in [*messages, question]):
                problems.append(f"words that nobody said beside the frame: {words!r}")
            problems += frame_problems(frame + end, turns)
    return problems


def _hooks(scene: Scene, number: int) -> list[str]:
    """Claude Code's prompt in a session that was compacted."""
    lines: list[dict[str, Any]] = []
    for i, turn in enumerate(scene.turns[:80]):
        role = "user" if turn.role != "assistant" else "assistant"
        content: Any = turn.text
        if turn.role == "tool":
            content = [{"type": "tool_result", "tool_use_id": f"c{i}", "content": turn.text}]
            call = {"type": "tool_use", "id": f"c{i}", "name": "web", "input": {}}
            lines.append(_line(2 * i, "assistant", [call]))
        lines.append(_line(2 * i + 1, role, content))
    lines.append({"type": "system", "subtype": "compact_boundary", "uuid": "c"})
    lines.append(_line(900, "user", "Go on."))
    path = scene.folder / "transcript.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    prompt = f"What did beacon{number} say?"
    event = {
        "hook_event_name": "UserPromptSubmit",
        "session_id": "s",
        "prompt": prompt,
        "transcript_path": str(path),
    }
    answer = hook_answer(lambda _: scene.memory.open(f"hook{number}"), json.dumps(event))
    if not answer:
        return []
    if not answer.isascii() or not answer.isprintable():
        return ["characters on the terminal that may move it"]
    text = json.loads(answer)["hookSpecificOutput"]["additionalContext"]
    turns = _with_calls(scene).by_label()
    turns["tool: "] = [turn for turn in scene.turns if turn.role == "tool"]
    return frame_problems(text, turns)


def _line(n: int, role: str, content: Any) -> dict[str, Any]:
    message = {"role": role, "content": content}
    return {"type": role, "uuid": f"u{n}", "message": message}


SURFACES: dict[str, Callable[[Scene, int], list[str]]] = {
    "memory, text": _memory,
    "memory, image": _memory_images,
    "recall tool": _recall_tool,
    "MCP server": _mcp,
    "LangChain middleware": _middleware,
    "LangGraph node": _memory_node,
    "chat history": _chat_history,
    "OpenAI agents": _openai_agents,
    "compress": _compress,
    "hooks": _hooks,
}
"""Each gives what is wrong with what it hands over about the payload with this number."""
