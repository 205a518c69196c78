"""The OpenAI Agents SDK with a memory as its session: a second run knows what the first was told.

python examples/with_openai_agents.py            # a scripted model, no network
MODEL=gpt-6-luna python examples/with_openai_agents.py
"""

import asyncio
import os
import tempfile

from agents.testing import ScriptedModel, assistant_message

from agents import Agent, Runner, set_tracing_disabled
from optical_memory import OpticalMemory
from optical_memory.agents.openai_agents import OpticalSession

SCRIPT = [[assistant_message("Noted.")], [assistant_message("The gate code is 4417#.")]]


async def talk(session: OpticalSession) -> None:
    agent = Agent(name="assistant", model=os.environ.get("MODEL") or ScriptedModel(SCRIPT))
    for question in ("The gate code is 4417#.", "What is the gate code?"):
        result = await Runner.run(agent, question, session=session)
        print(f"user: {question}\nassistant: {result.final_output}")


set_tracing_disabled("MODEL" not in os.environ)
with (
    tempfile.TemporaryDirectory() as folder,
    OpticalMemory("example", store=f"sqlite:///{folder}/memory.db") as memory,
):
    asyncio.run(talk(OpticalSession(memory)))
    print(f"remembered: {memory.recall('gate code', k=1)[0].text}")
