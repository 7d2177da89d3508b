"""An adapter is only talked to, and only trained on, with the tokenizer and the chat template that it learnt with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chat_templates import CHATML, of_family, with_template
from stranger import publish

from ft.errors import UserError
from ft.models.saved_tokenizer import require_same

OTHER = CHATML.replace("<|im_start|>{{ m['role'] }}\n", "{{ m['role'] | upper }}: ")


def saved(tokenizer: Any, folder: Path) -> Path:
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def model(home, tmp_path) -> str:
    return publish(tmp_path / "model")


@pytest.mark.parametrize("template", [CHATML, OTHER, f"{CHATML}\r\n \t\n", "{{ messages }}\u2028\u00e9"])
def test_what_was_saved_is_the_same(model, tmp_path, template):
    tokenizer = with_template(template)
    require_same(tokenizer, saved(tokenizer, tmp_path / "adapter"), model)


@pytest.mark.parametrize("family", ["qwen3", "gptoss", "llama3"])
def test_what_was_saved_of_a_family_is_the_same(model, tmp_path, family):
    require_same(of_family(family), saved(of_family(family), tmp_path / "adapter"), model)


def test_of_several_templates_the_one_that_is_used_is_compared(model, tmp_path):
    tokenizer = with_template(CHATML)
    tokenizer.chat_template = {"default": CHATML, "rag": OTHER}
    require_same(tokenizer, saved(tokenizer, tmp_path / "adapter"), model)
    tokenizer.chat_template = {"default": OTHER, "rag": OTHER}
    with pytest.raises(UserError, match="chat template"):
        require_same(tokenizer, tmp_path / "adapter", model)


def test_another_template_is_refused_with_the_file_to_put_back(model, tmp_path):
    folder = saved(with_template(CHATML), tmp_path / "adapter")
    with pytest.raises(UserError) as refused:
        require_same(with_template(OTHER), folder, model)
    assert refused.value.given == f"the chat template of {model}" and "has changed since" in refused.value.why
    assert f"Copy {folder / 'chat_template.jinja'}" in refused.value.todo and model in refused.value.todo


def test_another_vocabulary_is_refused_with_the_file_to_put_back(model, tmp_path):
    folder = saved(with_template(CHATML), tmp_path / "adapter")
    with pytest.raises(UserError) as refused:
        require_same(with_template(CHATML, added=("<|new|>",)), folder, model)
    assert "the tokenizer of" in refused.value.given and "tokenizer.json" in refused.value.todo


def test_a_model_of_the_hub_has_no_folder_to_put_a_file_back_into(home, tmp_path):
    folder = saved(with_template(CHATML), tmp_path / "adapter")
    with pytest.raises(UserError) as refused:
        require_same(with_template(OTHER), folder, "owner/name")
    assert refused.value.todo == "Train again with the model as it is now."


def test_nothing_is_said_where_nothing_was_saved(model, tmp_path):
    (tmp_path / "adapter").mkdir()
    require_same(with_template(CHATML), tmp_path / "adapter", model)


def test_a_saved_tokenizer_that_cannot_be_read_is_not_taken_for_the_same(model, tmp_path):
    folder = saved(with_template(CHATML), tmp_path / "adapter")
    whole = (folder / "tokenizer.json").read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"{}"):
        (folder / "tokenizer.json").write_bytes(damaged)
        with pytest.raises(UserError, match="cannot be read") as refused:
            require_same(with_template(CHATML), folder, model)
        assert f"Delete {folder / 'tokenizer.json'}" in refused.value.todo
