"""`tidewire serve` for an application like any other: nothing leads from its `send` to the server behind it."""

import sys
from typing import Any

from hypercorn.run import run

from app.config import Settings
from app.server.process import hub as served_hub
from app.server.process import server_config
from tests.support.ways import plain


def hub() -> Any:
    """The application, as hypercorn loads it."""
    return plain(served_hub())


if __name__ == "__main__":
    config = server_config(Settings.load())
    config.application_path = "tests.support.plain_hub:hub()"
    sys.exit(run(config))
