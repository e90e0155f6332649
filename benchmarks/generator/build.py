"""Compile the generator once per state of its sources, into a cache outside of the tree."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent
_OPTIONS = ("-O2", "-Wall", "-Wextra", "-Werror")
_COMPILE_TIMEOUT_S = 120.0


class NoCompiler(Exception):
    """There is no C compiler, or it failed; the message has the remedy or the compiler's output."""


def cache() -> Path:
    """The directory of compiled programs and npm packages, outside of the tree."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tidewire-benchmarks"


def built() -> Path:
    """The path of the program, compiled if these sources have not been yet. Raises NoCompiler."""
    sources = sorted(SOURCES.glob("*.[ch]"))
    state = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in sources)).hexdigest()[:16]
    program = cache() / f"generator-{state}"
    if program.exists():
        return program
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise NoCompiler("The load generator is written in C and there is no cc, gcc or clang: apt install gcc.")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as directory:
        made = Path(directory) / program.name
        command = [compiler, *_OPTIONS, "-o", str(made), *(str(path) for path in sources if path.suffix == ".c")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise NoCompiler(f"The load generator does not compile:\n{done.stderr[-3000:]}")
        made.replace(program)  # Atomic: two runs may compile at the same time.
    return program
