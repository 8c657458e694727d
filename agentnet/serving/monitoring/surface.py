"""What a gateway says of itself.

==============  ==========================================================================
``/healthz``    whether the process answers, for everybody
``/readyz``     whether it can take runs: 200, or 503 with what is missing, for everybody
``/metrics``    Prometheus' text format, for keys with the scope ``metrics``
==============  ==========================================================================
"""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.errors import AgentNetError
from agentnet.serving.gateway import Gateway, Mounted, Operation
from agentnet.serving.monitoring.metrics import Metrics

HEALTH, READINESS, METRICS = "/healthz", "/readyz", "/metrics"


def monitoring(gateway: Gateway, metrics: Metrics) -> Mounted:
    """Return the surface of a gateway's health and measurements."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        missing = await _missing(gateway)
        status = "ready" if not missing else "not ready"
        return JSONResponse({"status": status, "missing": missing}, 503 if missing else 200)

    async def measured(request: Request) -> Response:
        metrics.members.set(len(gateway.session.network))
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Mounted(
        routes=[
            Route(HEALTH, healthz, methods=["GET"]),
            Route(READINESS, readyz, methods=["GET"]),
            Route(METRICS, measured, methods=["GET"]),
        ],
        open_paths=frozenset({HEALTH, READINESS}),
        operations=[
            Operation("get", HEALTH, "Whether the process answers", "monitoring"),
            Operation("get", READINESS, "Whether the gateway can take runs", "monitoring"),
        ],
    )


async def _missing(gateway: Gateway) -> list[str]:
    """Return what a gateway lacks to take runs: names only, since everybody may ask."""
    missing = []
    if gateway.runs.draining:
        missing.append("the server is ending")
    if not len(gateway.session.network):
        missing.append("members")
    try:
        await gateway.session.keys.any()
    except AgentNetError:
        missing.append("the store")
    return missing
