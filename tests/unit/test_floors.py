"""A module of app/ imports from its own folder and lower floors only; each library is imported where it is allowed."""

from pathlib import Path

import pytest

from tests.support.floors import imports, violations

ROOT = Path(__file__).resolve().parents[2]


def test_app_imports_lower_floors_only() -> None:
    assert list((ROOT / "app").rglob("*.py"))

    assert violations(ROOT) == []


def test_migrations_import_nothing_of_the_app() -> None:
    files = list((ROOT / "migrations").rglob("*.py"))
    assert files

    wrong = [
        f"{path.relative_to(ROOT)}:{imported.line}"
        for path in files
        for imported in imports(path.read_text(), "migrations", ROOT)
        if imported.target.split(".")[0] == "app"
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("module", "line", "reason"),
    [
        ("app/store/log/read.py", "from app.live import hub", "floor 2 (store) imports floor 2 (app.live"),
        ("app/live/hub.py", "import app.store.log", "floor 2 (live) imports floor 2 (app.store.log)"),
        ("app/live/hub.py", "from app.broker.redis import RedisBroker", "imports floor 2 (app.broker.redis)"),
        ("app/transport/sink.py", "from app.live.feed import Feed", "imports floor 2 (app.live.feed)"),
        ("app/store/log/append.py", "from app.runtime import publisher", "imports floor 3 (app.runtime"),
        ("app/web/pages/site.py", "from app.jobs import sweep", "floor 6 (web) imports floor 6 (app.jobs"),
        ("app/jobs/sweep.py", "from ..web import api", "floor 6 (jobs) imports floor 6 (app.web"),
        ("app/integrations/github/routes.py", "from app.web.api import updates", "imports floor 6 (app.web.api"),
        ("app/integrations/github/routes.py", "from app.store.log import read", "a face (integrations) imports"),
        ("app/web/api/channels.py", "from app.store import channels", "a face (web) imports the store"),
        ("app/jobs/sweep.py", "from app.store.tokens import revoke", "a face (jobs) imports the store"),
        ("app/cli/operator/users.py", "def f():\n    import app.store.users", "a face (cli) imports the store"),
        ("app/model/update.py", "from app import store", "floor 1 (model) imports floor 2 (app.store)"),
        ("app/web/pages/site.py", "from app import create_app", "floor 6 (web) imports floor 9 (app)"),
        ("app/server/process.py", "from app.cli import main", "floor 7 (server) imports floor 10 (app.cli"),
        ("app/actions/publish.py", "def f():\n    from app.services import Services", "imports floor 5"),
        ("app/actions/publish.py", "from quart import request", "quart is not for app.actions.publish"),
        ("app/services.py", "from sqlalchemy.ext.asyncio import AsyncEngine", "sqlalchemy is not for app.services"),
        ("app/store/log/append.py", "import redis.asyncio", "redis is not for app.store.log.append"),
        ("app/web/asgi/supervisor.py", "from hypercorn.protocol.h11 import H11Protocol", "hypercorn is not for"),
        ("app/transport/websocket.py", "from wsproto.events import Ping", "wsproto is not for"),
        ("app/transport/sink.py", "import h11", "h11 is not for"),
        ("app/model/update.py", "import time", "a model does no I/O"),
        ("app/helpers.py", "import json", "'helpers' has no floor"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, module: str, line: str, reason: str) -> None:
    for package in ("store/log", "live", "web/api", "jobs", "cli", "model", "actions", "runtime", "broker"):
        (tmp_path / "app" / package).mkdir(parents=True)
    (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / module).write_text(f"{line}\n")

    found = violations(tmp_path)

    assert [reason in sentence for sentence in found] == [True], found


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("app/store/channels.py", "from .rows import read\nfrom app.model.update import Update"),
        ("app/cli/serve.py", "from app import create_app\nfrom app.server.listening import HubConfig"),
        ("app/__init__.py", "from .web import pages\nfrom app.services import Services\nimport quart"),
        ("app/broker/redis.py", "from redis.asyncio import Redis"),
        ("app/integrations/github/routes.py", "from app.web.http.identity import caller\nimport quart"),
        ("app/live/hub.py", "from app.broker.protocol import Broker\nfrom app.transport.sink import Sink"),
        ("app/transport/hypercorn.py", "from hypercorn.protocol.h11 import H11Protocol\nimport h11\nimport wsproto"),
    ],
)
def test_an_allowed_import_is_not_reported(tmp_path: Path, module: str, line: str) -> None:
    (tmp_path / module).parent.mkdir(parents=True)
    (tmp_path / module).write_text(f"{line}\n")

    assert violations(tmp_path) == []
