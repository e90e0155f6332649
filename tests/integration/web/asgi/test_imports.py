"""Your own code as the hub finds it: what an import path may name, whose errors keep a trace, which names are free."""

import dataclasses
import sys
from pathlib import Path

import pytest
from quart import Blueprint

from app import create_app
from app.config import ConfigError, Settings

OWN = "`app` is Tidewire's own package"


@pytest.mark.parametrize("path", ["app:app", "app:application.wsgi", "app.shop:app", "app.shop.wsgi:create_app"])
@pytest.mark.parametrize(("name", "form"), [("mount", "/shop={}"), ("blueprints", "{}")])
def test_a_path_into_tidewires_own_package_is_explained(
    settings_sqlite: Settings, name: str, form: str, path: str
) -> None:
    with pytest.raises(ConfigError, match=f"TIDEWIRE_{name.upper()}: {path} .*{OWN}"):
        create_app(dataclasses.replace(settings_sqlite, **{name: (form.format(path),)}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "error", "note"),
    [
        ("import nothing_of_this_name", ModuleNotFoundError, False),
        ("from json import nothing_of_this_name", ImportError, False),
        ("1 / 0", ZeroDivisionError, False),
        ("None.shop", AttributeError, False),
        ("from app import db", ImportError, True),
        ("import app.shop", ModuleNotFoundError, True),
    ],
)
def test_an_error_inside_a_module_is_raised_as_it_is(
    settings_sqlite: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    error: type[Exception],
    note: bool,
) -> None:
    tmp_path.joinpath("failing_shop.py").write_text(source)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "failing_shop", raising=False)

    with pytest.raises(error) as raised:
        create_app(dataclasses.replace(settings_sqlite, mount=("/shop=failing_shop:app",)))

    assert any(OWN in each for each in getattr(raised.value, "__notes__", ())) is note


def test_a_wsgi_module_that_takes_tidewires_create_app_for_its_own_is_explained(
    settings_sqlite: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("own_wsgi.py").write_text("from app import create_app\napp = create_app()\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("TIDEWIRE_MOUNT", "/shop=own_wsgi:app")
    monkeypatch.setenv("TIDEWIRE_DATA_DIR", str(tmp_path))

    with pytest.raises(ConfigError, match=f"TIDEWIRE_MOUNT: own_wsgi:app .*{OWN}"):
        create_app(dataclasses.replace(settings_sqlite, mount=("/shop=own_wsgi:app",)))


@pytest.mark.parametrize("name", ["pages", "site", "channel", "health", "socket", "api", "assets", "static", "app"])
def test_a_blueprint_may_have_any_name_that_is_not_the_hubs(settings_sqlite: Settings, name: str) -> None:
    app = create_app(settings_sqlite, blueprints=[Blueprint(name, __name__)])

    assert name in app.blueprints
    assert {"tidewire_site", "tidewire_channel", "tidewire_socket"} <= app.blueprints.keys()


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["tidewire_site"], "'tidewire_site' must have another name"),
        (["tidewire_mine"], "'tidewire_mine' must have another name"),
        (["pages", "pages"], "Two blueprints are named 'pages'"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_a_sentence(
    settings_sqlite: Settings, names: list[str], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        create_app(settings_sqlite, blueprints=[Blueprint(name, __name__) for name in names])
