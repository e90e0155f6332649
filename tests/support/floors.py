"""The floors of app/ as data, and the check of the imports against them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The floor of each part: a package of app/, or a module beside them. "" is app/__init__.py itself.
FLOORS = {
    "errors": 0, "environment": 0, "addresses": 0, "origins": 0, "private_files": 0, "config": 0,
    "tasks": 0, "clock": 0, "telemetry": 0,
    "model": 1,
    "store": 2, "live": 2, "transport": 2, "broker": 2, "mail": 2,
    "runtime": 3,
    "actions": 4,
    "services": 5,
    "web": 6, "integrations": 6, "jobs": 6,
    "server": 7,
    "factory": 8, "": 9,
    "cli": 10, "__main__": 11,
}  # fmt: skip

# Faces read a request, call an action and respond: they use no tables and no transactions.
FACES = {"web", "integrations", "jobs", "cli"}

# The live part imports the Protocols of the broker and the transport, and none of their sockets.
PROTOCOLS = {"live": {"app.broker.protocol", "app.transport.sink"}}

# What else may be imported on the same floor: integrations use the part of the web that all views share.
BESIDE = {"integrations": "app.web.http."}

# Where the libraries that shape the architecture may be imported; others may be imported anywhere.
LIBRARIES = {
    "quart": {"web", "integrations", "cli", "server", "factory", ""},
    "flask": {"web", "factory"},
    "werkzeug": {"web", "integrations", "cli", "factory", ""},
    "hypercorn": {"transport.hypercorn", "server", "cli.serve", "factory"},
    "h11": {"transport.hypercorn", "server.unparsed"},
    "wsproto": {"transport.hypercorn"},
    "sqlalchemy": {"store"},
    "asyncpg": {"store"},
    "aiosqlite": {"store"},
    "alembic": {"store"},
    "redis": {"broker"},
    "click": {"cli", "server", "factory"},
    "websockets": {"cli.client", "cli.operator.outside"},
    "prometheus_client": {"telemetry"},
    "msgspec": {"model", "store", "live", "broker", "actions", "services", "web", "integrations", "jobs", "cli"},
}

# Values and rules get the time and their bytes as arguments.
NO_IO = {
    "aiohttp", "asyncio", "http", "logging", "os", "pathlib", "shutil", "socket",
    "sqlite3", "ssl", "subprocess", "threading", "time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module by its full dotted name, from any line of the file."""

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
    """The imports in `root`/app that break a rule, one sentence each, with the file and the line."""
    found = []
    for path in sorted((root / "app").rglob("*.py")):
        relative = path.relative_to(root)
        package = ".".join(relative.parent.parts)
        module = ".".join([package, *([path.stem] if path.stem != "__init__" else [])])
        part = _part(module)
        if part not in FLOORS:
            found.append(f"{relative}: {part!r} has no floor; give it one in {Path(__file__).name}")
            continue
        for imported in imports(path.read_text(), package, root):
            if reason := _refused(module, imported.target):
                found.append(f"{relative}:{imported.line}: {reason}")
    return found


def _part(module: str) -> str:
    """The package or module directly below app/ that holds a dotted name; "" for app itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _refused(module: str, target: str) -> str | None:
    part, top = _part(module), target.split(".")[0]
    if top == "app":
        return _refused_inside(part, target)
    if top in ("tests", "benchmarks", "migrations"):
        return f"the product imports {target}"
    allowed = LIBRARIES.get(top, {part})
    if not any(f"{module}.".startswith(f"app.{each}.") or (each == part == "") for each in allowed):
        return f"{top} is not for {module}"
    if part == "model" and top in NO_IO:
        return f"a model does no I/O and has no clock, so it has no use for {top}"
    return None


def _refused_inside(part: str, target: str) -> str | None:
    other = _part(target)
    if other not in FLOORS:
        return f"imports {target}, which has no floor"
    if part in FACES and other == "store":
        return f"a face ({part}) imports the store ({target}): call an action"
    same = other == part or FLOORS[other] == FLOORS[part] == 0 or target in PROTOCOLS.get(part, ())
    same = same or (part in BESIDE and f"{target}.".startswith(BESIDE[part]))
    if same or FLOORS[other] < FLOORS[part]:
        return None
    return f"floor {FLOORS[part]} ({part or 'app'}) imports floor {FLOORS[other]} ({target})"
