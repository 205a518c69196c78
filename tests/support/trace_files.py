"""Small files of coding agents and agent frameworks, each as its data."""

from __future__ import annotations

from typing import Any

from support.traces.api_logs import API_LOGS
from support.traces.autogen import AUTOGEN, AUTOGEN_02
from support.traces.claude_code import CLAUDE_CODE
from support.traces.codex import CODEX, CODEX_EXEC, CODEX_OLD
from support.traces.gemini_cli import GEMINI_CHECKPOINT, GEMINI_CLI, GEMINI_LINES, GEMINI_LOG
from support.traces.inspect_logs import INSPECT
from support.traces.langchain import LANGGRAPH_HISTORY, LANGSMITH
from support.traces.swe_agent import MINI_SWE_AGENT, SWE_AGENT

__all__ = ["TRACES"]

TRACES: dict[str, Any] = {
    "Claude Code transcript": CLAUDE_CODE,
    "Codex CLI session": CODEX,
    "Codex CLI session | old": CODEX_OLD,
    "output of codex exec": CODEX_EXEC,
    "Gemini CLI session": GEMINI_CLI,
    "Gemini CLI session | lines": GEMINI_LINES,
    "Gemini CLI checkpoint": GEMINI_CHECKPOINT,
    "Gemini CLI prompts": GEMINI_LOG,
    "LangSmith runs": LANGSMITH,
    "LangGraph state": LANGGRAPH_HISTORY,
    "inspect-ai log": INSPECT,
    "SWE-agent run": SWE_AGENT,
    "mini-SWE-agent run": MINI_SWE_AGENT,
    "AutoGen messages": AUTOGEN,
    "AutoGen messages | 0.2": AUTOGEN_02,
    "API requests and responses": API_LOGS,
}
"""A file of each format, by the name that `load_file` says, and an addition after a bar."""
