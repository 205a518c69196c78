"""The small exports of all chat programs, by the names of their loaders."""

from __future__ import annotations

from support.exports.messengers import discord_export, slack_day, telegram_chat
from support.exports.programs import (
    lm_studio_file,
    lobechat_export,
    open_webui_export,
    sillytavern_lines,
)
from support.exports.services import claude_export, gemini_export
from support.exports.trees import chatgpt_export, deepseek_export

__all__ = [
    "EXPORTS",
    "chatgpt_export",
]

EXPORTS = {
    "chatgpt": chatgpt_export,
    "claude_ai": claude_export,
    "deepseek": deepseek_export,
    "gemini_takeout": gemini_export,
    "open_webui": open_webui_export,
    "lm_studio": lm_studio_file,
    "lobechat": lobechat_export,
    "slack": slack_day,
    "discord": discord_export,
    "telegram": telegram_chat,
    "sillytavern": sillytavern_lines,
}
"""The data of each export, by the name of its loader."""
