"""The set-up of a run in a real browser: a preset and a model fill the form."""

from __future__ import annotations

import re

import pytest
from model_sizes import LLAMA_65B, model_folder
from playwright.sync_api import expect

from ft.dataset.build import save, stage
from ft.dataset.sample import SAMPLE_NAME, sample_file

pytestmark = pytest.mark.slow

HELD = 120_000  # milliseconds that a page may take on a busy machine


def test_a_model_fits_the_preset_anew_and_leaves_what_was_changed_by_hand(page, app, tmp_path, monkeypatch):
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    save(stage([sample_file()]), SAMPLE_NAME)
    page.goto(f"{app.url}/?tab=train&dataset={SAMPLE_NAME}")
    page.get_by_label("How it learns").click()
    page.get_by_role("option", name="Guanaco").click()
    page.get_by_role("button", name="Advanced settings").click()
    rate = page.get_by_label("How much the model may change in a step")
    dropout = page.get_by_label("Share left out at random while learning")
    expect(rate).to_have_value("0.0002", timeout=HELD)
    expect(dropout).to_have_value("0.1")
    told = page.get_by_text(re.compile("LoRA Without Regret's rule gives a learning rate of 1.3e-3")).first
    expect(told).to_be_visible(timeout=HELD)

    dropout.fill("0.3")
    dropout.blur()
    expect(page.get_by_text(re.compile("Changed from Guanaco: LoRA dropout 0.3")).first).to_be_visible(timeout=HELD)
    model = page.get_by_label("What it starts from")
    model.fill(str(model_folder(tmp_path, LLAMA_65B)))
    model.press("Enter")
    expect(rate).to_have_value("0.0001", timeout=HELD)
    expect(dropout).to_have_value("0.3")
    refused = page.get_by_role("alert").filter(has_text="could not be loaded").first  # it has no tokenizer
    expect(refused).to_be_visible(timeout=HELD)

    page.reload()
    page.get_by_role("button", name="Advanced settings").click()
    expect(rate).to_have_value("0.0001", timeout=HELD)
    expect(dropout).to_have_value("0.3")
    page.get_by_role("button", name="For experts").click()
    expect(page.get_by_label("Noise on what it reads while it learns")).to_have_value("0")
