"""docs/data.md says what the code does: it is printed from the code's tables, and these name every code in use."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from formats.problems import PROBLEMS
from formats.repair import REPAIRS

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_code_prints():
    spec = importlib.util.spec_from_file_location("make_data_page", ROOT / "docs" / "make_data_page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "data.md").read_text(encoding="utf-8") == module.page()


def codes_in(path: Path) -> set[str]:
    """The constant codes that the file makes problems with."""
    places = {"RowProblem": 3, "problem_in": 3, "file_problem": 1, "Unusable": 1}
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in places:
            arguments = node.args[places[node.func.id] :]
            if arguments and isinstance(arguments[0], ast.Constant):
                found.add(arguments[0].value)
    return found


def test_every_code_of_a_problem_is_in_the_tables():
    files = [*(ROOT / "formats").glob("*.py"), *(ROOT / "ft" / "dataset").glob("*.py")]
    used = set().union(*map(codes_in, files))
    assert len(used) > 20 and used <= set(PROBLEMS) | set(REPAIRS)


def test_no_code_is_in_the_table_that_nothing_uses():
    files = [path for path in (ROOT / "formats").glob("*.py") if path.stem != "problems"]
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in [*files, *(ROOT / "ft" / "dataset" / name for name in ("read_part.py", "readers.py"))]
    )
    assert [code for code in PROBLEMS if f'"{code}"' not in source] == []
