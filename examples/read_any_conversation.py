"""Say what a file holds, in whatever format it is.

python examples/read_any_conversation.py [FILE]
"""

import sys
from collections import Counter
from pathlib import Path

from optical_memory.loaders import load

path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "conversation.json"

for conversation in load(path):
    turns = conversation.turns
    counts = Counter(turn.role for turn in turns)
    roles = ", ".join(f"{n} {role}" for role, n in counts.items())
    n_chars = sum(len(turn.text) for turn in turns)
    print(f"{conversation.id}: {len(turns)} turns ({roles}), {n_chars:,} characters")
    times = sorted(turn.when.isoformat(" ") for turn in turns if turn.when)
    if times:
        print(f"  from {times[0]} to {times[-1]}")
    n_calls = sum(len(turn.tool_calls) for turn in turns)
    n_attachments = sum(len(turn.attachments) for turn in turns)
    print(f"  {n_calls} tool calls, {n_attachments} pictures and files kept by reference")
