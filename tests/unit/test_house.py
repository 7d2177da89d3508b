"""The house keeps its shape: imports run downward, files stay short, packages are listed."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From the top. Where a folder and a file in it are both named, the longer name counts.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("app",),
    ("ft.ui", "ft.cli", "ft.__main__"),
    ("ft.train", "ft.export"),
    ("ft.chat", "ft.runs", "ft.presets", "ft.hub"),
    ("ft.checks", "ft.dataset", "ft.models", "ft.template", "ft.config"),
    (
        "formats",
        "ft.home",
        "ft.errors",
        "ft.figures",
        "ft.files",
        "ft.markdown",
        "ft.hosting",
        "ft.sandbox",
        "ft.cache",
    ),
)
FORBIDDEN_IN_FORMATS = {"ft", "torch", "gradio", "transformers", "trl", "peft", "datasets", "requests", "httpx"}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the product: its dotted name and its file."""
    for path in [ROOT / "app.py", *sorted((ROOT / "formats").rglob("*.py")), *sorted((ROOT / "ft").rglob("*.py"))]:
        if path.exists():
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(source: str, module: str, is_package: bool = False) -> set[str]:
    """What `source` imports, lazily too, as dotted names; `from a import b` counts as a.b, which may be a module."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*above, *filter(None, [base])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def floor(name: str) -> int | None:
    """The floor of a module of the house, 0 at the top; None for another's."""
    fitting = [
        (len(part), number)
        for number, parts in enumerate(FLOORS)
        for part in parts
        if name == part or name.startswith(part + ".")
    ]
    return max(fitting)[1] if fitting else None


def folder(name: str) -> str:
    return ".".join(name.split(".")[:2]) if name.startswith("ft.") else name.split(".")[0]


def violations(module: str, names: set[str]) -> list[str]:
    """The imports of `module` that do not go to a floor below it or stay in its own folder."""
    here = floor(module)
    found = []
    for name in sorted(names):
        there = floor(name)
        if here is None or there is None or folder(name) == folder(module):
            continue
        # On one floor a folder may use a neighbour that does not use it back (see the test on that).
        if there < here:
            found.append(f"{module} (floor {here}) imports {name} (floor {there})")
    return found


def parsed() -> dict[str, set[str]]:
    return {
        name: imports(path.read_text(encoding="utf-8"), name, path.name == "__init__.py") for name, path in modules()
    }


def test_every_module_of_ft_and_formats_stands_on_a_floor():
    assert [name for name, _ in modules() if floor(name) is None and name != "ft"] == []


def test_imports_run_downward():
    assert [line for module, names in parsed().items() for line in violations(module, names)] == []


def test_two_folders_never_import_each_other():
    edges = {
        (folder(module), folder(name))
        for module, names in parsed().items()
        for name in names
        if floor(module) is not None and floor(name) is not None and folder(module) != folder(name)
    }
    assert sorted(pair for pair in edges if pair[::-1] in edges) == []


def test_the_check_sees_an_import_that_goes_up():
    lazy = "def f():\n    from ft.ui import theme\n"
    assert violations("ft.train.worker", imports(lazy, "ft.train.worker"))
    assert (
        violations("formats.detect", imports("import ft.home", "formats.detect")) == []
    )  # same floor: see formats' test
    assert violations("ft.dataset.build", imports("from ..train import data", "ft.dataset.build"))
    assert violations("ft.ui.app", imports("from ft.train import preflight", "ft.ui.app")) == []


def test_only_the_ui_imports_gradio():
    importers = {module for module, names in parsed().items() if any(name.split(".")[0] == "gradio" for name in names)}
    assert all(module.split(".")[:2] == ["ft", "ui"] for module in importers)


def test_formats_can_be_used_alone():
    for module, names in parsed().items():
        if module.split(".")[0] == "formats":
            assert {name.split(".")[0] for name in names} & FORBIDDEN_IN_FORMATS == set(), module


def test_no_file_is_longer_than_300_lines():
    folders = ("formats", "ft", "tests", "bench", "docs", "spaces")
    files = [ROOT / "app.py", *(path for name in folders for path in (ROOT / name).rglob("*.py"))]
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in files
        if path.exists()
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_spaces_is_never_a_regular_package():
    """Gradio does `import spaces` for the PyPI package of that name; an __init__.py here would shadow it."""
    assert list((ROOT / "spaces").rglob("__init__.py")) == []


def test_pyproject_lists_each_package_and_no_other():
    listed = re.search(r"^packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M | re.S)
    assert listed is not None
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for name in ("formats", "ft", "spaces")
        for path in (ROOT / name).rglob("__init__.py")
    }
    assert set(re.findall(r'"([^"]+)"', listed[1])) == there


def declared() -> set[str]:
    """The packages that pyproject.toml says an installation has, as package indexes write their names."""
    listed = re.search(
        r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M | re.S
    )
    assert listed is not None
    return {index_name(name) for name in re.findall(r'"([\w.-]+)', listed[1])}


def index_name(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def test_every_package_that_is_imported_is_declared():
    """One that another package happens to bring may be gone with that package's next version."""
    own = {"app", "formats", "ft"}
    imported = {name.split(".")[0] for names in parsed().values() for name in names} - own - sys.stdlib_module_names
    packages = packages_distributions()
    there = declared()
    missing = {name for name in imported if not there & {index_name(each) for each in packages.get(name, [name])}}
    assert missing == set()


@pytest.mark.parametrize("name", ["formats", "ft"])
def test_every_folder_with_python_in_it_is_a_package(name):
    folders = {path.parent for path in (ROOT / name).rglob("*.py")}
    assert [str(path) for path in folders if not (path / "__init__.py").exists()] == []
