"""DeepSeek-OCR, DeepSeek-OCR-2 and Unlimited-OCR from their published checkpoints."""

from __future__ import annotations

from optical_memory.readers.deepseek.reader import DeepseekReader

__all__ = ["DeepseekReader"]
