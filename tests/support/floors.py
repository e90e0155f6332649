"""The floors of the house as data, and the reading of imports that holds the code to them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Floor by place: a package of app/, or a module beside them. "" is app/__init__.py itself.
FLOORS = {
    "errors": 1, "config": 1, "metrics": 1, "tasks": 1, "logs": 1,
    "model": 2,
    "store": 3, "live": 3,
    "actions": 4,
    "services": 5,
    "web": 6, "jobs": 6, "cli": 6,
    "factory": 7,
    "": 8, "__main__": 8,
}  # fmt: skip

# The command line starts the factory (`tidewire serve`), so this one import goes up; nothing else may.
UPWARD = {("cli", "")}

# Where a library with a say in the architecture may be imported; a library that is not named here is free.
LIBRARIES = {
    "quart": {"web", "cli", "factory", ""},
    "flask": {"web", "factory"},
    "werkzeug": {"web", "cli", "factory", ""},
    "hypercorn": {"live", "web", "cli", "factory"},
    "sqlalchemy": {"store"},
    "asyncpg": {"store"},
    "aiosqlite": {"store"},
    "alembic": {"store", "cli"},
    "redis": {"live"},
    "click": {"cli", "factory"},
    "websockets": {"cli"},
    "prometheus_client": {"metrics"},
    "msgspec": {"model", "store", "live", "actions", "services", "web", "jobs", "cli"},
}

# Values and rules take their clock and their bytes as arguments.
NO_IO = {
    "aiohttp", "asyncio", "http", "logging", "os", "pathlib", "shutil", "socket",
    "sqlite3", "ssl", "subprocess", "threading", "time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module by its full dotted name, wherever in the file it stands."""

    target: str
    line: int


def imports(source: str, package: str, within: Path) -> Iterator[Import]:
    """Every import of a module of `package`; a name taken from a package counts as a module if it is one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            for alias in node.names:
                inner = within / Path(*base.split(".")) / alias.name
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                yield Import(f"{base}.{alias.name}" if is_module else base, node.lineno)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def violations(root: Path) -> list[str]:
    """What in `root`/app breaks a floor, one sentence each, with the file and the line."""
    found = []
    for path in sorted((root / "app").rglob("*.py")):
        relative = path.relative_to(root)
        package = ".".join(relative.parent.parts)
        place = _place(".".join([package, *([path.stem] if path.stem != "__init__" else [])]))
        if place not in FLOORS:
            found.append(f"{relative}: {place!r} has no floor; give it one in {Path(__file__).name}")
            continue
        for imported in imports(path.read_text(), package, root):
            if reason := _refused(place, imported.target):
                found.append(f"{relative}:{imported.line}: {reason}")
    return found


def _place(module: str) -> str:
    """The package or module right below app/ that a dotted name stands in; "" for app itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _refused(place: str, target: str) -> str | None:
    top = target.split(".")[0]
    if top == "app":
        other = _place(target)
        if other not in FLOORS:
            return f"imports {target}, which has no floor"
        same = other == place or FLOORS[other] == FLOORS[place] == 1
        if same or FLOORS[other] < FLOORS[place] or (place, other) in UPWARD:
            return None
        return f"floor {FLOORS[place]} ({place or 'app'}) imports floor {FLOORS[other]} ({target})"
    if top in ("tests", "benchmarks", "migrations"):
        return f"the product imports {target}"
    if place not in LIBRARIES.get(top, {place}):
        return f"{top} is not for {place or 'app'}"
    if place == "model" and top in NO_IO:
        return f"a model does no I/O and has no clock, so it has no use for {top}"
    return None
