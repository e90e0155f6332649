"""The examples of the guide, as the files that a reader would write."""

import re
from pathlib import Path

from tests.support import ROOT

_BLOCK = re.compile(r"^```python\n# ([\w/]+\.py)(?:, continued)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def write_examples(page: str, directory: Path) -> list[str]:
    """Write each Python block of `docs/<page>` that begins with a file's name to that file below `directory`, with
    those that continue it. Returns the names."""
    found: dict[str, str] = {}
    for name, code in _BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        found[name] = found.get(name, "") + code
    for name, code in found.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    return sorted(found)
