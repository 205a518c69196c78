"""The command `mcp`: the memory as an MCP server, on standard input and output or over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from optical_memory.cli.options import (
    BUDGET,
    Capacity,
    KeyFile,
    ReaderName,
    Secrets,
    SessionName,
    StoreUrl,
    open_memory,
)
from optical_memory.stores.turn_time import TURN_SECONDS

__all__ = [
    "mcp",
]


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Streamable HTTP at /mcp, in place of stdio.")
    ] = False,
    host: Annotated[
        str,
        typer.Option(help="The address for HTTP. There is no log-in: put a proxy before others."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port for HTTP.")] = 8000,
    any_session: Annotated[
        bool, typer.Option("--any-session", help="Tools may name any session of the store.")
    ] = False,
    budget: Annotated[int, typer.Option(min=1, help="Tokens of a context.")] = BUDGET,
    capacity: Capacity = None,
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
) -> None:
    """Serve a session to agents by the Model Context Protocol; needs the extra `mcp`."""
    from optical_memory.agents.mcp import memory_server

    settings = {"budget": budget, "capacity": capacity}
    with (
        open_memory(
            store, session, reader, key_file=key_file, new=True, secrets=secrets, **settings
        ) as memory,
        memory,
    ):
        memory.deadline = TURN_SECONDS  # each call of a tool is in a turn of an agent
        server = memory_server(memory, any_session=any_session)
        if http:
            server.run("streamable-http", host=host, port=port)
        else:
            server.run("stdio")
