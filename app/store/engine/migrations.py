"""The migrations that the code has: the hub's own, and those of the packages that TIDEWIRE_MIGRATIONS names.

Each is a branch of Alembic's, in a folder of its own. All are recorded in the one table `alembic_version`.
"""

import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from app.config import ConfigError, tree

MAX_ID = 32  # Characters: of the column in which Alembic keeps it.
_OWN = Path("versions")
_VARIABLE = "TIDEWIRE_MIGRATIONS"


class Migrations:
    """The branches, the hub's own first."""

    def __init__(self, packages: Sequence[str]) -> None:
        """`packages` are import paths. Raises ConfigError for one that is missing or breaks a rule."""
        folders = {_real(tree("migrations") / _OWN): "tidewire", **{_folder(name): name for name in packages}}
        self.config = Config()
        self.config.set_main_option("script_location", _escaped(tree("migrations")))
        self.config.set_main_option("path_separator", "newline")
        self.config.set_main_option("version_locations", "\n".join(map(_escaped, folders)))
        self._script = ScriptDirectory.from_config(self.config)
        self._branches: dict[Path, list[Script]] = {folder: [] for folder in folders}  # Each from its newest.
        for script in _walk(self._script):
            self._branches[Path(script.path).parent].append(script)
        for folder, name in list(folders.items())[1:]:
            _check(name, self._branches[folder])

    @property
    def newest_own(self) -> str:
        """The newest of the hub's own revisions."""
        return next(iter(self._branches.values()))[0].revision

    @property
    def newest(self) -> str:
        """The newest revision of each branch, as one text."""
        return ", ".join(branch[0].revision for branch in self._branches.values())

    @property
    def labels(self) -> dict[str, list[str]]:
        """The label of each package's branch, with its revisions."""
        packages = list(self._branches.values())[1:]
        return {min(branch[-1].branch_labels): [script.revision for script in branch] for branch in packages}

    def unknown(self, heads: Iterable[str]) -> list[str]:
        """Those of a database's revisions that no branch has."""
        known = {script.revision for branch in self._branches.values() for script in branch}
        return sorted(set(heads) - known)

    def reached(self, heads: Iterable[str]) -> str:
        """The newest applied revision of each branch that a database with these heads has, as one text. Raises
        ConfigError where two of them are of one branch."""
        for branch in self._branches.values():
            if len({script.revision for script in branch}.intersection(heads)) > 1:
                raise ConfigError("The table alembic_version names several revisions of a package: restore a backup.")
        applied = self._applied(heads)
        newest = (
            next((script.revision for script in branch if script.revision in applied), None)
            for branch in self._branches.values()
        )
        return ", ".join(revision for revision in newest if revision is not None)

    def _applied(self, heads: Iterable[str]) -> set[str]:
        """All revisions that these heads stand for: Alembic keeps no row for one on which another depends."""
        applied: set[str] = set()
        waiting = list(heads)
        while waiting:
            revision = waiting.pop()
            if revision not in applied:
                applied.add(revision)
                for script in self._script.get_revisions(revision):
                    waiting += [*_texts(script.down_revision), *_resolved(self._script, script.dependencies)]
        return applied


def _folder(name: str) -> Path:
    """The folder of the package `name`."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"{_VARIABLE}: {name!r} must be the import path of a package, such as notes.migrations.")
    if (here := os.getcwd()) not in sys.path:  # As for TIDEWIRE_BLUEPRINTS.
        sys.path.append(here)
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{_VARIABLE}: {name} can't be imported: {error}.") from error
    if spec is None:
        raise ConfigError(f"{_VARIABLE}: there is no package {name}.")
    if not spec.submodule_search_locations:
        raise ConfigError(f"{_VARIABLE}: {name} is a module, and must be a package: a folder of migrations.")
    return _real(Path(next(iter(spec.submodule_search_locations))))


def _walk(script: ScriptDirectory) -> list[Script]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Alembic warns of a revision that two files have.
            return list(script.walk_revisions())
    except KeyError as error:
        raise ConfigError(f"{_VARIABLE}: a migration depends on {error}, which is the revision of none.") from error
    except (CommandError, RevisionError, UserWarning) as error:
        raise ConfigError(
            f"{_VARIABLE}: the migrations do not fit together: {error}. Begin the revisions of a package with its name."
        ) from error


def _check(name: str, branch: list[Script]) -> None:
    """Raises ConfigError where a package's branch has not one beginning, with a label, and one end."""
    if not branch:
        raise ConfigError(f"{_VARIABLE}: {name} has no migration: a file with `revision` and `upgrade()`.")
    if len([script for script in branch if not script.down_revision]) != 1:
        raise ConfigError(f"{_VARIABLE}: exactly one migration of {name} must have `down_revision = None`: its first.")
    ends = [script.revision for script in branch if not script.nextrev]
    if len(ends) > 1:
        raise ConfigError(f"{_VARIABLE}: the migrations of {name} must be one line; they end in {', '.join(ends)}.")
    if len(branch[-1].branch_labels) != 1:
        raise ConfigError(f"{_VARIABLE}: the first migration of {name} must have one label: `branch_labels = ...`.")
    for script in branch:
        if len(script.revision) > MAX_ID:
            raise ConfigError(f"{_VARIABLE}: the revision {script.revision} has more than {MAX_ID} characters.")


def _texts(given: str | Iterable[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _resolved(script: ScriptDirectory, dependencies: str | Iterable[str] | None) -> list[str]:
    """The revisions that `depends_on` names, by themselves or by a label."""
    return [found.revision for each in _texts(dependencies) for found in script.get_revisions(each)]


def _real(path: Path) -> Path:
    """As Alembic names the folder of a migration."""
    return Path(os.path.realpath(path))


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
