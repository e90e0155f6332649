"""`tidewire serve` as a plain ASGI application: its `send` gives no access to the server's protocol."""

import sys
from typing import Any

from hypercorn.run import run

from app import create_app
from app.config import Settings
from app.server.configuration import server_config
from tests.support.ways import plain


def hub() -> Any:
    """The application, as hypercorn loads it."""
    return plain(create_app())


if __name__ == "__main__":
    config = server_config(Settings.load())
    config.application_path = "tests.support.plain_hub:hub()"
    sys.exit(run(config))
