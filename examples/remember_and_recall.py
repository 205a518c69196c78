"""Remember the first 120 turns of the example conversation, and ask for facts of its first days.

python examples/remember_and_recall.py [sqlite:///memory.db | redis://localhost]
"""

import json
import sys
import tempfile
from pathlib import Path

from optical_memory import OpticalMemory
from optical_memory.loaders import load

HERE = Path(__file__).parent
QUESTIONS = json.loads((HERE / "questions.json").read_text(encoding="utf-8"))

with tempfile.TemporaryDirectory() as folder:
    store = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/memory.db"
    with OpticalMemory(session="example", store=store, budget=4_000) as memory:
        memory.remember(load(HERE / "conversation.json")[0].turns[:120])
        memory.flush()
        print(memory.stats())
        for asked in QUESTIONS[:3]:
            (found,) = memory.recall(asked["question"], k=1)
            verdict = "found" if asked["answer"] in found.text else "not found"
            print(f"\n{asked['question']}\n  {asked['answer']}: {verdict} in {found.provenance}")
        print(f"\na context of {memory.context(QUESTIONS[0]['question']).n_tokens} tokens")
