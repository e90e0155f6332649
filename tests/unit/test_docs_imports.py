"""Every name of the hub that an example in the docs imports exists."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = [
    (page.name, module, name.strip())
    for page in sorted((ROOT / "docs").glob("*.md"))
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for module, names in re.findall(r"^from (app(?:\.\w+)*) import ([\w, ]+)$", block, re.MULTILINE)
    for name in names.split(",")
]


def test_the_docs_have_imports() -> None:
    assert len(IMPORTS) > 5


@pytest.mark.parametrize(("page", "module", "name"), IMPORTS)
def test_an_import_that_the_docs_show_exists(page: str, module: str, name: str) -> None:
    found = importlib.import_module(module)

    assert hasattr(found, name) or importlib.util.find_spec(f"{module}.{name}"), f"{page}: from {module} import {name}"
