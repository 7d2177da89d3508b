"""A run's adapter as a zip file: what is in it, what its card says, and what cannot be made, from each place."""

from __future__ import annotations

import json
import shutil
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from safetensors.numpy import save_file
from synthetic_runs import events_of, write

from ft import cache
from ft.cli import main
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.errors import UserError
from ft.export import adapter
from ft.models import embedded
from ft.runs import directory
from ft.runs.directory import Run
from ft.ui import api, run_download, run_view

OVER = events_of(lambda epoch: 4 - epoch, lambda epoch: 4 - epoch, steps=40)
TOKENIZER = {"tokenizer.json": "{}", "tokenizer_config.json": "{}", "chat_template.jinja": "{{ messages }}"}


def trained(home: Path, loaded_from: str = "/home/ada/models/small", **settings: Any) -> Run:
    run = write(home, "097d", OVER, TrainConfig(**settings))
    run.adapter.mkdir()
    save_file({"lora_A": np.ones((4, 8), np.float32)}, run.adapter / "adapter_model.safetensors")
    (run.adapter / "adapter_config.json").write_text(json.dumps({"r": 4, "base_model_name_or_path": loaded_from}))
    (run.adapter / "README.md").write_text(f"# Model Card for Model ID\nbase_model: {loaded_from}")
    for name, text in TOKENIZER.items():
        (run.adapter / name).write_text(text)
    packages = {"torch": "2.13", "peft": "0.21"}
    run.receipt_path.write_text(json.dumps({"python": "3.11", "packages": packages}))
    return run


def by_command_line(run: Run, folder: Path) -> Path:
    assert main(["export-adapter", run.id, "--to", str(folder / "made.zip")]) == 0
    return folder / "made.zip"


def by_api(run: Run, _: Path) -> Path:
    return Path(api.export_adapter(run.id))


def by_page(run: Run, _: Path) -> Path:
    *_, (file, button, problem) = run_download.make(run.id)
    assert button.interactive and problem["visible"] is False
    return Path(file)


@pytest.mark.parametrize("take", [by_command_line, by_api, by_page])
def test_the_zip_holds_the_adapter_its_tokenizer_and_a_card(home: Path, tmp_path: Path, take):
    run = trained(home)
    with zipfile.ZipFile(take(run, tmp_path)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"adapter_config.json", "adapter_model.safetensors", "README.md", *TOKENIZER}
        weights = archive.read("adapter_model.safetensors")
        assert weights == (run.adapter / "adapter_model.safetensors").read_bytes()
        assert {name: archive.read(name).decode() for name in TOKENIZER} == TOKENIZER
        assert archive.read("README.md").startswith(b"---\n") and b"Model Card for Model ID" not in archive.read(
            "README.md"
        )


@pytest.mark.parametrize("take", [by_api, by_page])
def test_the_file_is_called_by_the_name_of_the_run_and_kept_where_files_are_given_out(home: Path, tmp_path, take):
    run = trained(home)
    directory.rename(run, "../Shorter replies: 한국 v2!")
    assert take(run, tmp_path).name == "Shorter-replies-v2-adapter.zip"
    directory.rename(run, "한국어")
    assert take(run, tmp_path).name == f"{run.id}-adapter.zip"


@pytest.mark.parametrize(
    ("settings", "loaded_from", "base"),
    [
        ({"model": DEFAULT_MODEL}, "/home/ada/.sidetune/models/smollm2-135m-instruct", embedded.HUB_ID),
        ({"model": "/home/ada/models/small"}, "/home/ada/models/small", "small"),
        ({"model": "owner/name"}, "owner/name", "owner/name"),
    ],
)
def test_the_base_model_is_named_as_others_have_to_name_it_and_no_path_of_the_machine_goes_along(
    home: Path, tmp_path: Path, settings: dict, loaded_from: str, base: str
):
    path = by_command_line(trained(home, loaded_from, **settings), tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("adapter_config.json")) == {"r": 4, "base_model_name_or_path": base}
        texts = [archive.read(name) for name in archive.namelist()]
    assert not any(b"/home/ada" in text or str(home).encode() in text for text in texts)


def test_the_card_names_base_dataset_settings_figures_and_how_to_load_it(home: Path, tmp_path: Path):
    run = trained(home, "owner/name", model="owner/name", lora_rank=4, learning_rate=0.0015)
    directory.rename(run, "Shorter <b>*replies*</b>")
    with zipfile.ZipFile(by_command_line(run, tmp_path)) as archive:
        card = archive.read("README.md").decode()
    for said in (
        "base_model: owner/name",
        "library_name: peft",
        r"# Shorter \<b\>\*replies\*\</b\>",
        "Dataset sample, version v1: 1,000 conversations to train on, 400 held out",
        "| validation loss per token, before | 4.00 |",
        "| validation loss per token, of this adapter | 1.00 |",
        "| this adapter is of step | 40 |",
        "| `lora_rank` | 4 |",
        "| `learning_rate` | 0.0015 |",
        'base = "owner/name"',
        "PeftModel.from_pretrained",
        "Made with Python 3.11, torch 2.13, peft 0.21.",
        run.id,
    ):
        assert said in card, said
    assert "<b>" not in card


@pytest.mark.parametrize("method", ["qlora", "lora"])
def test_the_code_on_the_card_is_python_whatever_the_base_is_called(home: Path, tmp_path: Path, method: str):
    run = trained(home, '/models/a "b"\n{c}', model='/models/a "b"\n{c}', method=method)
    with zipfile.ZipFile(by_command_line(run, tmp_path)) as archive:
        code = archive.read("README.md").decode().split("```python\n")[1].split("```")[0]
    compile(code, "card", "exec")
    assert ("BitsAndBytesConfig" in code) == (method == "qlora")


def no_adapter(run: Run) -> None:
    shutil.rmtree(run.adapter)


def torn_weights(run: Run) -> None:
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])


def no_weights(run: Run) -> None:
    (run.adapter / "adapter_model.safetensors").write_bytes(b"")


def no_settings(run: Run) -> None:
    (run.adapter / "adapter_config.json").unlink()


def bad_settings(run: Run) -> None:
    (run.adapter / "adapter_config.json").write_text("[1")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (no_adapter, "it has no adapter yet"),
        (torn_weights, "adapter_model.safetensors cannot be read"),
        (no_weights, "adapter_model.safetensors cannot be read"),
        (no_settings, "adapter_config.json"),
        (bad_settings, "adapter_config.json cannot be read"),
    ],
)
def test_what_cannot_be_made_is_said_in_words_at_each_place_and_leaves_no_file(
    home: Path, tmp_path: Path, capsys, damage: Callable[[Run], None], why: str
):
    run = trained(home)
    damage(run)
    assert main(["export-adapter", run.id, "--to", str(tmp_path / "made.zip")]) == 1
    assert why in capsys.readouterr().err
    with pytest.raises(gr.Error, match=why):
        api.export_adapter(run.id)
    *_, (file, button, problem) = run_download.make(run.id)
    assert file is None and button.interactive and why in problem["value"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_disk_that_cannot_be_written_is_said_and_the_file_that_was_there_stays(home: Path, tmp_path: Path):
    run = trained(home)
    with pytest.raises(UserError, match="nowhere"):
        adapter.export_adapter(run, tmp_path / "nowhere" / "made.zip")
    old = tmp_path / "made.zip"
    old.write_text("old")
    torn_weights(run)
    with pytest.raises(UserError):
        adapter.export_adapter(run, old)
    assert old.read_text() == "old"


def test_an_adapter_that_is_replaced_while_it_is_read_is_not_mixed_with_the_new_one(home: Path, tmp_path, monkeypatch):
    run = trained(home)
    add = adapter._add

    def resumed(*given: Any) -> None:
        add(*given)
        if (run.path / "old").exists():
            return
        run.adapter.rename(run.path / "old")
        shutil.copytree(run.path / "old", run.adapter)

    monkeypatch.setattr(adapter, "_add", resumed)
    with pytest.raises(UserError, match="was replaced or deleted while it was read"):
        adapter.export_adapter(run, tmp_path / "made.zip")
    assert not (tmp_path / "made.zip").exists()


def test_large_weights_pass_through_a_block_at_a_time(home: Path, tmp_path: Path):
    run, numbers = trained(home), 16 * 2**20
    header = json.dumps({"w": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}}).encode()
    with (run.adapter / "adapter_model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 4 * numbers)
    tracemalloc.start()
    try:
        done = adapter.export_adapter(run, tmp_path / "made.zip")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert done.path.stat().st_size > 4 * numbers > 5 * most


def test_where_temporary_files_have_no_room_the_command_for_a_file_is_said(home: Path, monkeypatch):
    run = trained(home)
    monkeypatch.setenv(cache.LIMIT, "0")
    with pytest.raises(UserError, match=f"sidetune export-adapter {run.id} --to FILE"):
        run_download.adapter_file(run)


def test_the_command_prints_what_is_in_the_file(home: Path, tmp_path: Path, capsys):
    run = trained(home)
    assert main(["export-adapter", run.id, "--to", str(tmp_path / "made.zip"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == run.id and found["name"] == run.name and found["base_model"] == embedded.HUB_ID
    assert found["bytes"] == (tmp_path / "made.zip").stat().st_size and "README.md" in found["files"]


def test_the_download_is_offered_by_a_run_that_has_ended_with_an_adapter_and_by_no_other(home: Path, hold):
    run = trained(home)

    def offered() -> bool:
        with gr.Blocks():
            view, _ = run_view.build("runs")
        shown = dict(zip(view.outputs, run_view.show(run.id), strict=True))
        return bool(shown[view.download.button].visible)

    assert offered()
    told = [*OVER[:-1], {"time": OVER[-1]["time"], "kind": "stopped", "step": 40}, {"time": 1.0, "kind": "launched"}]
    run.events_path.write_text("".join(json.dumps(event) + "\n" for event in told))
    with hold(run.lock_path):
        assert not offered()
    no_adapter(run)
    assert not offered()


def test_the_card_of_a_stopped_run_says_so_and_not_what_its_owner_could_do(home: Path, tmp_path: Path):
    run = trained(home)
    told = [*OVER[:-1], {"time": OVER[-1]["time"], "kind": "stopped", "step": 40, "best_step": 40}]
    run.events_path.write_text("".join(json.dumps(event) + "\n" for event in told))
    with zipfile.ZipFile(by_command_line(run, tmp_path)) as archive:
        card = archive.read("README.md").decode()
    assert "Training was stopped before its end." in card and "resumed" not in card
