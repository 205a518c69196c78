"""The command `mcp`: the memory as an MCP server, on standard input and output or over HTTP."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Annotated

import typer

from optical_memory.cli.options import (
    BUDGET,
    Capacity,
    KeyFile,
    LogJson,
    ReaderName,
    Secrets,
    SessionName,
    StoreUrl,
    open_memory,
)
from optical_memory.telemetry.handlers import ROOT, log_to_stderr

__all__ = [
    "mcp",
]


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Streamable HTTP at /mcp, in place of stdio.")
    ] = False,
    host: Annotated[
        str,
        typer.Option(help="The address for HTTP. Beyond this machine, give a token too."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port for HTTP.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="OPTICAL_MEMORY_MCP_TOKEN",
            show_envvar=True,
            help="Requests over HTTP must bring it (Authorization: Bearer …). A process list shows "
            "options, so better set the variable.",
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A name of this server that requests may have in their header Host."),
    ] = None,
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
    log_json: LogJson = False,
) -> None:
    """Serve a session to agents by the Model Context Protocol; needs the extra `mcp`.

    Over HTTP, /metrics has metrics for Prometheus, and /healthz says if the store answers.
    """
    from optical_memory.agents.mcp import memory_server

    log_to_stderr(ROOT, as_json=log_json)  # before the SDK gives the root logger a handler
    settings = {"budget": budget, "capacity": capacity}
    with (
        open_memory(
            store, session, reader, key_file=key_file, new=True, secrets=secrets, **settings
        ) as memory,
        memory,
    ):
        server = memory_server(memory, any_session=any_session)
        if http:
            from optical_memory.agents.mcp.http import serve

            names = allowed_host or ()
            serve(server, memory, host=host, port=port, token=token or None, allowed_hosts=names)
        else:
            signal.signal(signal.SIGINT, _end_now)
            server.run("stdio")


def _end_now(number: int, frame: FrameType | None) -> None:
    """End the program: the SDK would wait until whoever started it closes its input.

    Nothing is lost by this: all that was acknowledged is in the store.
    """
    os._exit(128 + number)
