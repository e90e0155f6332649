"""Logs: one JSON line per event in production, readable lines in development."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

# The id of the call that the current task serves; `app/web/` sets it.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The event: time, level, logger, message, and the traceback if there is one."""
        event = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request_id := REQUEST_ID.get()) is not None:
            event["request_id"] = request_id
        if record.exc_info:
            event["trace"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def configure(env: str, level: str) -> None:
    """Send the hub's log to stderr. The owner of the process calls it; `create_app` does not."""
    handler = logging.StreamHandler(sys.stderr)
    if env == "production":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    root = logging.getLogger("tidewire")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False
