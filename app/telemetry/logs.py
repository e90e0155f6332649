"""Logs: one JSON line per event in production, readable lines in development; the call's id on each of its lines."""

import json
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

# The id of the call that the current task serves; `app/web/` sets it.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
LOG = logging.getLogger("tidewire")
ACCESS = logging.getLogger("tidewire.access")


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The event: time, level, logger, message, its own fields, and the traceback if there is one."""
        event = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if (request_id := REQUEST_ID.get()) is not None:
            event["request_id"] = request_id
        if record.exc_info:
            event["trace"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


class ReadableLines(logging.Formatter):
    """One line per event, with the time of day, and the traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """As Formatter, with the call's id at the end."""
        line, request_id = super().formatMessage(record), REQUEST_ID.get()
        return line if request_id is None else f"{line} [{request_id}]"


def configure(env: str, level: str) -> None:
    """Send the hub's log to stderr, in one form with what Python and libraries write: warnings, their own logs, and
    errors that nobody caught. The owner of the process calls it; `create_app` does not."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if env == "production" else ReadableLines())
    LOG.handlers[:] = [handler]
    LOG.setLevel(level.upper())
    LOG.propagate = False
    ACCESS.setLevel(logging.INFO)  # TIDEWIRE_ACCESS_LOG alone turns it on, whatever the level of the rest.
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(handler.formatter)
    others.setLevel(logging.WARNING)
    logging.lastResort = others  # For every logger without handlers, such as asyncio's.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers[:] = [others]
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, Exception):
        sys.__excepthook__(kind, error, trace)  # Ctrl-C is no error.
        return
    LOG.critical("An error ended the process", exc_info=(kind, error, trace))


def _uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        LOG.error("An error ended a thread", exc_info=failed.exc_value)


def _unraisable(failed: "sys.UnraisableHookArgs") -> None:
    LOG.error("%s: %r", failed.err_msg or "An error was ignored", failed.object, exc_info=failed.exc_value)
