"""The rules of the code base: small files with specific names, no mocks, pins that name no host."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TREES = ("app", "frontend", "migrations", "tests", "benchmarks")
CODE = {".py", ".js", ".css"}
LONGEST = 300
VAGUE = {
    "common", "helper", "helpers", "lib", "manager", "managers", "misc", "stuff",
    "util", "utils",
}  # fmt: skip
# Spelled in two parts, so that this file passes its own test.
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MOCK = "unittest.mock"


def files(*suffixes: str) -> Iterator[Path]:
    """The code of the project itself, by path from its root."""
    for tree in TREES:
        for path in sorted((ROOT / tree).rglob("*")):
            if path.suffix in (suffixes or CODE) and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT)


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(path): len(text(path).splitlines()) for path in files()}
    assert lengths

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_no_file_has_a_vague_name() -> None:
    vague = [str(path) for path in files() if VAGUE & {part.removesuffix(path.suffix) for part in path.parts}]

    assert vague == []


def test_no_note_of_unfinished_work_is_left_in_the_code() -> None:
    found = [
        f"{path}:{number}"
        for path in files()
        for number, line in enumerate(text(path).splitlines(), 1)
        if LEFT_OVER.search(line)
    ]

    assert found == []


def test_no_file_imports_a_mock() -> None:
    found = []
    for path in files(".py"):
        for node in ast.walk(ast.parse(text(path))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [f"{path}:{name}" for name in names if f"{name}.".startswith((f"{MOCK}.", "mock."))]

    assert found == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_pins_are_exact_and_hashed_and_name_no_host(name: str) -> None:
    lines = [line for line in text(Path(name)).splitlines() if line and not line.startswith("#")]
    wrong = [
        line
        for line in lines
        if not re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+( ; .+)? \\$|    --hash=sha256:[0-9a-f]{64}( \\)?$", line)
    ]

    assert len(lines) > 50
    assert wrong == []


def test_the_two_files_of_pins_agree() -> None:
    runtime, development = (
        set(re.findall(r"^([a-z0-9._-]+)==(\S+)", text(Path(name)), re.MULTILINE))
        for name in ("requirements.txt", "requirements-dev.txt")
    )

    assert runtime <= development


def test_compose_gives_no_secret_a_default() -> None:
    """`${SECRET:?message}` stops with the message; `${SECRET:-x}` and `${SECRET}` would start."""
    compose = text(Path("compose.yaml"))
    secrets = re.findall(r"\$\{((?:\w*_)?(?:PASSWORD|SECRET_KEY|SECRET))([^}]*)\}", compose)

    assert {name for name, _ in secrets} >= {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "TIDEWIRE_SECRET_KEY"}
    assert [name for name, rule in secrets if not rule.startswith(":?")] == []
    assert re.findall(r"(?im)^\s*\w*(?:password|secret_key)\s*:(?!\s*\"?\$\{).+$", compose) == []
