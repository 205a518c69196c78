"""What a file holds, in whatever format it is: python examples/read_any_conversation.py [FILE]"""

import sys
from collections import Counter
from pathlib import Path

from optical_memory.loaders import load

path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "conversation.json"

for conversation in load(path):
    turns = conversation.turns
    roles = ", ".join(f"{n} {role}" for role, n in Counter(turn.role for turn in turns).items())
    times = sorted(turn.when.isoformat(" ") for turn in turns if turn.when)
    print(
        f"{conversation.id}: {len(turns)} turns ({roles}), {sum(len(turn.text) for turn in turns):,} characters"
    )
    if times:
        print(f"  from {times[0]} to {times[-1]}")
    print(f"  {sum(len(turn.tool_calls) for turn in turns)} tool calls,", end=" ")
    print(f"{sum(len(turn.attachments) for turn in turns)} pictures and files kept by reference")
