"""Liveness, readiness and metrics, for the operator."""

import asyncio
from collections.abc import Awaitable, Callable

from quart import Blueprint, Response

from app.errors import Unavailable
from app.web.http.context import services
from app.web.http.replies import json_answer

blueprint = Blueprint("tidewire_health", __name__)
PING_TIMEOUT_S = 3.0


@blueprint.get("/healthz")
async def healthz() -> Response:
    """Liveness: the process answers."""
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
async def readyz() -> Response:
    """Readiness: the database takes a write, and the broker answers; 503 names the part that does not, and why."""
    current = services()
    parts = dict(
        zip(
            ("database", "broker"),
            await asyncio.gather(_state(lambda: current.writable.get("database")), _state(current.broker.ping)),
            strict=True,
        )
    )
    if current.connections.closing:
        parts["hub"] = "shutting down"
    ready = all(state == "ok" for state in parts.values())
    answer = json_answer({"status": "ok" if ready else "unavailable", **parts}, 200 if ready else 503)
    if not ready:
        answer.headers["Retry-After"] = "1"
    return answer


@blueprint.get("/metrics")
async def metrics() -> Response:
    """The hub's counters in Prometheus' text format."""
    counters = services().metrics
    return Response(counters.render(), content_type=counters.media_type)


async def _state(check: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(PING_TIMEOUT_S):
            await check()
    except Unavailable as error:
        return error.message if error.cause is None else error.cause.public
    except TimeoutError:
        return "does not answer in time"
    return "ok"
