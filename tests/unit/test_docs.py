"""The guide describes everything that a user can meet, and nothing that does not exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app import create_app
from app.cli import tidewire
from app.cli.commands import COMMANDS
from app.config import RENAMED, Settings, described
from app.errors import INTERNAL_CODE, REFUSALS
from app.model.rules import sentences_of
from app.model.update import Draft
from app.telemetry.metrics import Metrics
from app.web.api.openapi import Document, build
from app.web.http.sessions import COOKIE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
# Variables that are not settings of the hub, and the file that reads each.
OTHER_VARIABLES = {
    "TIDEWIRE_URL": "app/cli/client/target.py",
    "TIDEWIRE_TOKEN": "app/cli/client/target.py",
    "TIDEWIRE_COMPLETE": "app/cli/__init__.py",
    "TIDEWIRE_PORT": "compose.yaml",
    "TIDEWIRE_TEST_DATABASE_URL": "tests/support/postgres.py",
    "TIDEWIRE_TEST_REDIS_URL": "tests/support/redis.py",
    "TIDEWIRE_TEST_CHROMIUM": "tests/support/browser.py",
}
PROTOCOL_CLOSES = {"1002", "1007", "1008", "1009"}  # Sent for a violation of the protocol or its bounds.
CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TREES = r"(?:app|docs|tests|frontend|migrations|benchmarks|deploy)/"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def source(folder: str, pattern: str = "*.py") -> str:
    return "\n".join(text(path) for path in sorted((ROOT / folder).rglob(pattern)))


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return CODE.sub("", text(page))


def anchors(page: Path) -> set[str]:
    """What `#…` may name in the page, by GitHub's rule."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that is not a group, by its words."""
    context = click.Context(tidewire, info_name="tidewire")
    for name in COMMANDS:
        command = tidewire.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"tidewire {name} {below}", each) for below, each in command.commands.items())
        else:
            yield f"tidewire {name}", command


def options(command: click.Command) -> set[str]:
    return {name for param in command.params if isinstance(param, click.Option) for name in param.opts}


@pytest.fixture(scope="module")
def openapi() -> Document:
    app = create_app(Settings(env="testing", secret_key="x" * 32))
    return build(app.url_map, app.view_functions)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(TIDEWIRE_\w+)` \| ([^|]*) \|", text(DOCS / "configuration.md"), re.MULTILINE))
    shown = {name: default.strip().strip("`") for name, default in rows.items()}
    actual = {name: {"True": "on", "False": "off"}.get(default, default) for name, default, _ in described()}

    assert {name: re.sub(r"\.0$", "", default) for name, default in actual.items()} == shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_variable_that_nothing_reads(page: Path) -> None:
    known = {name for name, _, _ in described()} | {f"TIDEWIRE_{old}" for old in RENAMED}
    others = {name for name, file in OTHER_VARIABLES.items() if name in text(ROOT / file)}
    named = set(re.findall(r"TIDEWIRE_[A-Z_]*[A-Z]", text(page)))

    assert others == set(OTHER_VARIABLES)
    assert named - known - others == set()


def test_every_refusal_is_documented_with_its_status() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text(DOCS / "protocol.md"), re.MULTILINE))

    assert rows == {kind.code: str(kind.status) for kind in REFUSALS} | {INTERNAL_CODE: "500"}


def test_every_field_of_an_update_is_documented_with_its_rule() -> None:
    table = text(DOCS / "protocol.md").partition("| field | rule |\n")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    shown = {name: rule.replace("`", "") for name, rule in rows.items()}

    assert {name: f"{rule[0].upper()}{rule[1:]}." for name, rule in shown.items()} == sentences_of(Draft)
    assert list(rows) == list(Draft.__struct_fields__)


def test_every_message_of_the_websocket_is_documented() -> None:
    messages, updates = text(ROOT / "app/web/socket/messages.py"), text(ROOT / "app/model/update.py")
    types = set(re.findall(r'tag="(\w+)"', messages))  # What clients send,
    types |= set(re.findall(r'_answer\(\s*"(\w+)"', messages))  # what the server answers,
    types |= set(re.findall(r'"type": ?"(\w+)"', messages + updates))  # and what is built as bytes.
    shown = set(re.findall(r'^\{"type": ?"(\w+)"', text(DOCS / "protocol.md"), re.MULTILINE))

    assert types >= {"subscribe", "ping", "welcome", "subscribed", "update", "error"}
    assert shown == types


def test_every_close_code_is_documented() -> None:
    sent = set(re.findall(r"\bClose\((\d{4})", source("app/web"))) | PROTOCOL_CLOSES
    table = text(DOCS / "protocol.md").partition("### Close codes")[2].partition("\n#")[0]
    rows = set(re.findall(r"^\| (\d{4}) \|", table, re.MULTILINE))

    assert {"1001", "1013", "4401"} <= sent
    assert rows - {"1006"} == sent


def test_every_metric_is_documented_and_no_other() -> None:
    families = list(Metrics().registry.collect())
    rows = dict(re.findall(r"^\| `(tidewire_\w+)` \| (\w+) \|", text(DOCS / "operating.md"), re.MULTILINE))
    samples = {sample.name for family in families for sample in family.samples}
    # Not the endpoints, which have a dot, nor the cookie of the session.
    named = {name for page in PAGES for name in re.findall(r"`(tidewire_\w+)(?![\w.])", text(page))} - {COOKIE}

    assert rows == {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}
    assert named - samples - set(rows) == set()


@pytest.mark.parametrize(("words", "command"), [*commands()], ids=lambda each: each if isinstance(each, str) else "")
def test_every_command_is_documented_with_its_options_and_arguments(words: str, command: click.Command) -> None:
    page = text(DOCS / "command-line.md")
    section = page.partition(f"\n## {words}\n")[2].partition("\n## ")[0]
    usage = re.search(rf"^```\n{words}(.*)\n```", section, re.MULTILINE)
    assert section and usage, f"docs/command-line.md has no section, or no usage, of {words!r}"
    shown = CliRunner().invoke(command, ["--help"], prog_name=words, terminal_width=400).output
    arguments = shown.splitlines()[0].removeprefix(f"Usage: {words}").replace("[OPTIONS]", "").split()

    assert set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)) == options(command)
    assert usage[1].replace("[OPTIONS]", "").split() == arguments


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_shows_a_command_that_does_not_exist(page: Path) -> None:
    known = {name: options(command) for name, command in commands()}
    own = set(re.findall(r'Blueprint\("(\w+)"', text(page)))  # Examples of commands that users add.
    wrong = []
    for line in shell_lines(page):
        for found in re.finditer(r"(?:(?<![/\w])|(?<=bin/))tidewire (\w+)(?: (\w+))?([^|;&]*)", line):
            first, second, rest = found[1], found[2] or "", found[3]
            name = next((name for name in (f"tidewire {first} {second}", f"tidewire {first}") if name in known), None)
            is_group = first in COMMANDS and not second and any(each.startswith(f"tidewire {first} ") for each in known)
            if first in own or is_group:
                continue
            given = set(re.findall(r"(?<!\S)\[?(--[a-z][a-z-]*)", rest))
            if name is None or given - known[name] - {"--help"}:
                wrong.append(found[0])

    assert wrong == []


def shell_lines(page: Path) -> Iterator[str]:
    """The shell commands of the page: its blocks, and spans that begin with `tidewire`."""
    for language, block in CODE.findall(text(page)):
        if language in ("", "sh"):
            yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`(tidewire [^`]+)`", prose(page))


def test_every_operation_of_the_api_is_documented(openapi: Document) -> None:
    page = text(DOCS / "protocol.md")
    wanted = {
        f"`{method.upper()} {path.replace('{slug}', 'SLUG').replace('{name}', 'NAME')}`"
        for path, item in openapi["paths"].items()
        for method in item
        if method != "parameters"
    }

    assert len(wanted) > 10
    assert {call for call in wanted if call not in page} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_an_address_that_the_hub_does_not_have(page: Path) -> None:
    routes = create_app(Settings(env="testing", secret_key="x" * 32)).url_map.bind("hub.example.org")
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[\w/.-]*)`", prose(page))
    # The examples of extending.md are the reader's own.
    wrong = [f"{method} {path}" for method, path in named if not path.startswith("/notes")]
    wrong = [each for each in wrong if not routes.test(each.split()[1], each.split()[0]) and "/ws" not in each]

    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_has_a_target(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.is_file() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(rf"`({TREES}[\w./-]*)`", prose(page)))

    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_function_that_the_architecture_names_exists() -> None:
    page = prose(DOCS / "architecture.md")
    functions = set(re.findall(r"`(\w+)\(\)`", page))
    methods = re.findall(r"`([A-Z]\w+)\.(\w+)`", page)
    code = source("app")

    assert len(functions) > 10
    assert [name for name in sorted(functions) if not re.search(rf"def {name}\b", code)] == []
    assert [
        f"{owner}.{name}"
        for owner, name in methods
        if not re.search(rf"^class {owner}\b(?:(?!^class ).)*\n    (?:async )?def {name}\b", code, re.M | re.S)
    ] == []


def test_the_readme_names_every_page() -> None:
    readme = text(ROOT / "README.md")

    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme] == []
