"""What the documents tell people to type is what the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ft.cli.arguments import parser
from ft.config import TrainConfig
from ft.presets import PRESETS, preset

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "spaces").rglob("*.md"))]
_FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.M | re.S)
_INLINE = re.compile(r"`((?:sidetune|python app\.py) [^`]+)`")
_STARTS = (["sidetune"], ["python", "app.py"], ["python", "-m", "ft"])


def commands(text: str) -> list[list[str]]:
    """The Sidetune commands in a document, each as the arguments that the parser gets.

    A command that is only named in running text (`sidetune train`) is taken as a question for its help.
    """
    lines = [f"{line} --help" if len(line.split()) == 2 else line for line in _INLINE.findall(_FENCE.sub("", text))]
    for block in _FENCE.findall(text):
        lines += block.replace("\\\n", " ").splitlines()
    found = []
    for line in lines:
        for part in re.split(r"&&|\|", line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:  # a quotation mark alone: not a command
                continue
            for start in _STARTS:
                if words[: len(start)] == start:
                    found.append((["serve"] if start == ["python", "app.py"] else []) + words[len(start) :])
    return found


ALL = [(path, words) for path in DOCUMENTS for words in commands(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path, words", ALL, ids=[f"{path.name}: {shlex.join(words)}" for path, words in ALL])
def test_every_command_in_the_documents_is_one_that_the_program_takes(path, words):
    if words[-1] == "--help":
        with pytest.raises(SystemExit) as ended:
            parser().parse_args(words)
        assert ended.value.code == 0
        return
    arguments = parser().parse_args(words)
    TrainConfig().with_settings(dict(getattr(arguments, "set", ())))
    if getattr(arguments, "preset", None):
        preset(arguments.preset)


def test_the_readme_shows_each_command_of_the_program():
    shown = {words[0] for path, words in ALL if path.name == "README.md" and words}
    assert shown >= {"convert", "datasets", "train", "runs", "stop", "resume", "queue", "chat", "serve"}


@pytest.mark.parametrize("promised", ["pip install -e . && python app.py", "pip install -e '.[test]' && pytest"])
def test_the_readme_promises_two_commands_word_for_word(promised):
    assert promised in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_continuous_integration_runs_the_readme_s_test_command():
    assert "pip install -e '.[test]' && pytest" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_names_every_folder():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    folders = {
        f"{path.parent.relative_to(ROOT)}/" for name in ("formats", "ft") for path in (ROOT / name).rglob("__init__.py")
    }
    assert sorted(name for name in folders if name.split("/")[-2] + "/" not in text) == []


def test_links_inside_the_repository_lead_somewhere():
    broken = [
        f"{path.name}: {link}"
        for path in DOCUMENTS
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]
    assert broken == []


def test_the_design_lists_every_setting_and_the_readme_every_preset():
    listed = re.search(r"takes the fields of TrainConfig: (.*?)\.\n", (ROOT / "docs" / "design.md").read_text(), re.S)
    assert listed is not None
    assert re.split(r",\s+", listed[1]) == list(TrainConfig.model_fields)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [each.name for each in PRESETS if f"`{each.name}`" not in readme] == []


def test_the_tests_that_the_page_on_security_names_are_there():
    named = re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []
