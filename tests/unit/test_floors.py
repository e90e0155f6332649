"""A module of app/ imports from its own folder and lower floors only; a library stays where it belongs."""

from pathlib import Path

import pytest

from tests.support.floors import imports, violations

ROOT = Path(__file__).resolve().parents[2]


def test_the_house_stands() -> None:
    assert list((ROOT / "app").rglob("*.py"))

    assert violations(ROOT) == []


def test_migrations_describe_the_past_and_import_nothing_of_the_present() -> None:
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
        ("app/store/log.py", "from app.live import hub", "floor 3 (store) imports floor 3 (app.live"),
        ("app/live/hub.py", "import app.store.log", "floor 3 (live) imports floor 3 (app.store.log)"),
        ("app/web/pages.py", "from app.jobs import sweep", "floor 6 (web) imports floor 6 (app.jobs"),
        ("app/jobs/sweep.py", "from ..cli import main", "floor 6 (jobs) imports floor 6 (app.cli"),
        ("app/model/update.py", "from app import store", "floor 2 (model) imports floor 3 (app.store)"),
        ("app/web/pages.py", "from app import create_app", "floor 6 (web) imports floor 8 (app)"),
        ("app/actions/publish.py", "def f():\n    from app.services import Services", "imports floor 5"),
        ("app/actions/publish.py", "from quart import request", "quart is not for actions"),
        (
            "app/services.py",
            "from sqlalchemy.ext.asyncio import AsyncEngine",
            "sqlalchemy is not for services",
        ),
        ("app/store/log.py", "import redis.asyncio", "redis is not for store"),
        ("app/model/update.py", "import time", "a model does no I/O"),
        ("app/helpers.py", "import json", "'helpers' has no floor"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, module: str, line: str, reason: str) -> None:
    for package in ("store", "live", "web", "jobs", "cli", "model", "actions"):
        (tmp_path / "app" / package).mkdir(parents=True)
    (tmp_path / module).write_text(f"{line}\n")

    found = violations(tmp_path)

    assert [reason in sentence for sentence in found] == [True], found


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("app/store/log.py", "from .rows import read\nfrom app.model.update import Update"),
        ("app/cli/serve.py", "from app import create_app"),
        ("app/__init__.py", "from .web import pages\nfrom app.services import Services\nimport quart"),
        ("app/live/redis_broker.py", "from redis.asyncio import Redis"),
    ],
)
def test_an_allowed_import_is_passed_over(tmp_path: Path, module: str, line: str) -> None:
    (tmp_path / module).parent.mkdir(parents=True)
    (tmp_path / module).write_text(f"{line}\n")

    assert violations(tmp_path) == []
