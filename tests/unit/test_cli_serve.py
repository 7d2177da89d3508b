"""Whom `sidetune serve` is for: refused where others could use it and nobody said so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ft.cli import main
from ft.cli.arguments import parser

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (["--host", "0.0.0.0"], {}),
        (["--host", "::"], {}),
        (["--host", "192.168.1.5", "--allow-host", "tune.example"], {}),
        (["--host", "0.0.0.0", "--hosted"], {}),
        ([], {"SPACE_ID": "somebody/sidetune"}),
    ],
)
def test_others_are_not_let_in_unless_somebody_said_so(home, monkeypatch, capsys, words, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["serve", *words]) == 1
    said = capsys.readouterr().err
    assert "SIDETUNE_AUTH=user:password" in said and "--no-auth" in said


@pytest.mark.parametrize("password", ["nopassword", ":x", "ada:"])
def test_a_password_of_the_environment_that_is_none_is_refused_and_not_shown(home, monkeypatch, capsys, password):
    monkeypatch.setenv("SIDETUNE_AUTH", password)
    assert main(["serve"]) == 1
    said = capsys.readouterr().err
    assert "user:password" in said and password not in said
    assert "SIDETUNE_AUTH" not in os.environ


@pytest.mark.parametrize(
    "words", [["--auth", "me:word", "--no-auth"], ["--allow-host", "https://tune.example"], ["--host", ""]]
)
def test_bad_usage_exits_with_2(words):
    with pytest.raises(SystemExit) as caught:
        main(["serve", *words])
    assert caught.value.code == 2


def test_a_password_and_none_at_once_are_refused(home, monkeypatch, capsys):
    monkeypatch.setenv("SIDETUNE_AUTH", "ada:a long one")
    assert main(["serve", "--no-auth"]) == 1
    assert "Leave one of them out" in capsys.readouterr().err


def test_addresses_and_names_are_taken_as_people_write_them():
    for word in ("::1", "[::1]"):
        assert parser().parse_args(["serve", "--host", word]).host == "::1"
    assert parser().parse_args(["serve", "--allow-host", "Tune.Example"]).allow_host == ["tune.example"]


def test_nothing_reads_the_settings_of_the_hub_before_it_is_known_whom_the_app_is_for():
    code = """
import json, sys
from ft.cli import command, serve
early = "huggingface_hub" in sys.modules or "gradio" in sys.modules
serve.hosting.become_hosted(["own/model"])
from huggingface_hub import constants
from ft.ui import server
print(json.dumps([early, constants.HF_HUB_DISABLE_IMPLICIT_TOKEN, serve.hosting.offered_models()]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [False, True, ["own/model"]]
