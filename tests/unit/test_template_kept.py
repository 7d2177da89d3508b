"""What a chat template has no place for is known, so that a person is told of it before training."""

from __future__ import annotations

import pytest
from chat_templates import CHATML, of_family, with_template

from ft.template.messages import supports_reasoning


@pytest.mark.parametrize("family", ["qwen3", "gptoss", "nemotron_3_nano"])
def test_a_template_with_a_place_for_reasoning_is_known(family: str):
    assert supports_reasoning(of_family(family))


def test_a_template_that_drops_reasoning_without_a_word_is_known():
    assert not supports_reasoning(with_template(CHATML))
    assert not supports_reasoning(of_family("llama3"))
