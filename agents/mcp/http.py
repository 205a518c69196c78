"""The MCP server over HTTP: /mcp with a token, /metrics for Prometheus, /healthz.

The official SDK serves /mcp, checks the headers Host and Origin, and asks for the token. What it
does for /mcp is done for the other two here.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from optical_memory.agents.failures import turn_or_else
from optical_memory.memory import OpticalMemory
from optical_memory.telemetry import measuring
from optical_memory.telemetry.event_table import HTTP_OPEN_TO_OTHERS
from optical_memory.telemetry.events import emit

if TYPE_CHECKING:
    from optical_memory.telemetry.prometheus import Prometheus

__all__ = [
    "http_app",
    "is_local",
    "serve",
]

HEALTH: Final = "/healthz"
METRICS: Final = "/metrics"

LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")


def is_local(host: str) -> bool:
    """True if only programs of this machine reach a server that listens on this host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    server: MCPServer,
    memory: OpticalMemory,
    *,
    host: str,
    port: int,
    token: str | None = None,
    allowed_hosts: Sequence[str] = (),
) -> None:
    """Serve until the process is told to end.

    Without a token, the log has a warning if others than this machine reach the server.
    """
    if token is None and not is_local(host):
        emit(HTTP_OPEN_TO_OTHERS, host=host)
    app = http_app(server, memory, host=host, token=token, allowed_hosts=allowed_hosts)
    uvicorn.run(app, host=host, port=port, log_config=None, access_log=False)


def http_app(
    server: MCPServer,
    memory: OpticalMemory,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    allowed_hosts: Sequence[str] = (),
) -> ASGIApp:
    """The server as an ASGI application.

    `allowed_hosts` are names in the header Host that are answered, beside those of this machine. If
    the server listens for others and none is given, any name is answered: no page of a browser
    knows the token then, but without a token any page could use the server (DNS rebinding).
    """
    security = _security(host, allowed_hosts)
    metrics = _metrics()

    async def healthz(request: Request) -> Response:
        return await checks.validate_request(request) or await _health(memory)

    async def metrics_page(request: Request) -> Response:
        return await checks.validate_request(request) or _metrics_page(metrics)

    checks = TransportSecurityMiddleware(security)
    server.custom_route(HEALTH, methods=["GET"])(healthz)
    server.custom_route(METRICS, methods=["GET"])(metrics_page)
    app = server.streamable_http_app(host=host, transport_security=security)
    return app if token is None else _WithToken(app, token)


def _security(host: str, allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    """The check of Host and Origin, on unless the server is for others and nobody named hosts."""
    names = [*LOCAL_HOSTS, *allowed_hosts]
    origins = [*(f"http://{name}" for name in names), *(f"https://{name}" for name in names)]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=is_local(host) or bool(allowed_hosts),
        allowed_hosts=[*names, *(f"{name}:*" for name in names)],
        allowed_origins=[f"{origin}{port}" for origin in origins for port in ("", ":*")],
    )


async def _health(memory: OpticalMemory) -> Response:
    """200 if the store answers in the time of a turn, else 503, without details."""

    def answer() -> bool:
        memory.store.version(memory.session)
        return True

    is_well = await asyncio.to_thread(turn_or_else, "the health check", answer, False)
    words = {"status": "ok" if is_well else "the store does not answer"}
    return JSONResponse(words, status_code=200 if is_well else 503)


# ---- metrics -------------------------------------------------------------------------------------


def _metrics() -> Prometheus | None:
    """A registry that takes what is measured from now on; None without Prometheus's client."""
    try:
        from optical_memory.telemetry.prometheus import Prometheus
    except ModuleNotFoundError:
        return None
    metrics = Prometheus()
    measuring.put_sink(metrics)
    return metrics


def _metrics_page(metrics: Prometheus | None) -> Response:
    if metrics is None:
        return PlainTextResponse(
            "metrics need prometheus-client: pip install 'optical-memory[telemetry]'\n",
            status_code=501,
        )
    return Response(metrics.text(), media_type=metrics.content_type)


# ---- token ---------------------------------------------------------------------------------------


class _TokenCheck:
    """Knows a single token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Access without scopes for the token; None for any other."""
        if not hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token):
            return None
        return AccessToken(token=token, client_id="token", scopes=[])


class _WithToken:
    """Asks for a token before everything but the health check."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        backend = BearerAuthBackend(_TokenCheck(token))
        self._guarded = AuthenticationMiddleware(RequireAuthMiddleware(app, []), backend=backend)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] == "lifespan" or scope.get("path") == HEALTH
        await (self._app if is_open else self._guarded)(scope, receive, send)
