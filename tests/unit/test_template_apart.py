"""A stranger's tokenizer and chat template run in a process of their own: what they take too much of ends that one."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest
from chat_templates import CONVERSATIONS, with_template
from stranger import DOUBLES, ECHO, NEVER, publish

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.errors import UserError
from ft.sandbox import Limits
from ft.template import apart
from ft.template.apart import Prompter
from ft.template.render import Renderer
from ft.train import preflight, tokens

WAYS = {
    "one conversation": lambda dataset, config: tokens.look_at(dataset, 1, config),
    "all lengths": tokens.count_all,
    "the plan of a run": preflight.check,
}


@pytest.fixture
def dataset(home):
    return save(stage([sample_file()]), "sample")


@pytest.fixture(autouse=True)
def nothing_kept():
    yield
    apart.forget()


@pytest.fixture
def tight(monkeypatch):
    """Limits that are reached within seconds."""
    monkeypatch.setattr(apart, "limits", lambda characters: Limits(2 * 2**30, 4))


def config_of(model: str) -> TrainConfig:
    return TrainConfig().with_settings({"model": model})


def test_an_honest_template_of_a_stranger_is_rendered_as_before(dataset, tmp_path):
    config = config_of(publish(tmp_path / "model", ECHO))
    seen = tokens.look_at(dataset, 1, config)
    text = "".join(piece.text for piece in seen.pieces)
    first = next(iter(dataset.conversations()))
    assert text.startswith(f"{first.messages[0].role}: {first.messages[0].content}") and seen.trained > 0
    counts = tokens.count_all(dataset, config)
    assert len(counts.lengths) == 60 and counts.lengths[0] == seen.tokens
    plan = preflight.check(dataset, config)
    assert plan.train + plan.validation == 60


@pytest.mark.parametrize(
    ("way", "template", "said"),
    [
        ("one conversation", NEVER, "seconds of computing"),
        ("one conversation", DOUBLES, "GB of memory"),
        pytest.param("all lengths", NEVER, "seconds of computing", marks=pytest.mark.slow),
        pytest.param("all lengths", DOUBLES, "GB of memory", marks=pytest.mark.slow),
        pytest.param("the plan of a run", NEVER, "seconds of computing", marks=pytest.mark.slow),
        pytest.param("the plan of a run", DOUBLES, "GB of memory", marks=pytest.mark.slow),
    ],
)
def test_a_template_that_takes_too_much_is_refused_and_leaves_the_app_as_it_was(
    dataset, tmp_path, tight, way, template, said
):
    before = psutil.Process().memory_info().rss
    with pytest.raises(UserError, match=said) as refused:
        WAYS[way](dataset, config_of(publish(tmp_path / "model", template)))
    assert "chat template" in refused.value.given
    assert psutil.Process().memory_info().rss - before < 200 * 2**20
    assert not children()


def test_who_asks_again_about_a_model_is_answered_by_the_same_process_until_its_files_change(
    dataset, tmp_path, monkeypatch
):
    monkeypatch.setattr(apart, "KEPT_SECONDS", 60.0)
    model = publish(tmp_path / "model", ECHO)
    config = config_of(model)
    first = tokens.look_at(dataset, 1, config)
    (kept,) = children()
    assert tokens.count_all(dataset, config).lengths[0] == first.tokens
    assert preflight.check(dataset, config).train > 0 and children() == [kept]
    publish(Path(model), f"Chat\n{ECHO}")
    assert tokens.look_at(dataset, 1, config).tokens > first.tokens
    (other,) = children()
    assert other != kept
    tokens.look_at(dataset, 1, config_of(publish(tmp_path / "another", ECHO)))
    assert len(children()) == 1 and other not in children()


def test_the_process_that_waits_for_the_next_question_ends_after_a_while(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "KEPT_SECONDS", 0.2)
    tokens.look_at(dataset, 1, config_of(publish(tmp_path / "model", ECHO)))
    deadline = time.monotonic() + 30
    while children() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not children()


def test_a_page_for_others_keeps_no_process_of_a_stranger_s_template(dataset, tmp_path, monkeypatch):
    model = publish(tmp_path / "model", ECHO)
    monkeypatch.setattr("ft.hosting.hosted", lambda: True)
    monkeypatch.setattr(apart, "place", lambda model, progress, weights: Path(model))
    assert tokens.look_at(dataset, 1, config_of(model)).tokens and not children()


WITHOUT_TORCH = """
import sys
from ft.config import TrainConfig
from ft.dataset.versions import find
from ft.train import preflight, tokens
from ft.ui.run_view import title_of

dataset, config = find("sample"), TrainConfig()
title_of(sys.argv[1]), tokens.look_at(dataset, 1, config), preflight.check(dataset, config)
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""


@pytest.mark.slow
def test_to_show_runs_tokens_and_a_plan_takes_no_torch(dataset, embedded_model, tiny_model):
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, tiny_model], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_who_leaves_ends_the_process_of_a_template_that_never_ends(dataset, tmp_path):
    class LeftError(Exception):
        pass

    def heed() -> None:
        if busy():
            raise LeftError

    with pytest.raises(LeftError):
        tokens.count_all(dataset, config_of(publish(tmp_path / "model", NEVER)), heed=heed)
    assert not children()


@pytest.mark.parametrize(
    "template",
    [
        *(
            "{% if",
            "{{ 1 / 0 }}",
            "{{ messages[99].content }}",
            "{{ messages['x'] + 1 }}",
            "{{ raise_exception('no') }}",
        ),
        *("{{ ''.__class__.__mro__ }}", "{% include '/etc/passwd' %}", "{{ messages[0].content.nothing.nothing }}"),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_template_that_fails_is_refused_in_words(template):
    with pytest.raises(UserError):
        Renderer(with_template(template)).samples(CONVERSATIONS["single turn"])


def test_what_a_template_says_ends_with_a_full_stop_before_what_to_do():
    for words in ("Roles must alternate", "Roles must alternate."):
        with pytest.raises(UserError, match=r"Roles must alternate\. Change"):
            Renderer(with_template(f"{{{{ raise_exception('{words}') }}}}")).samples(CONVERSATIONS["single turn"])


def test_an_error_in_a_template_is_the_template_s_and_no_conversation_s():
    with pytest.raises(UserError) as refused:
        Renderer(with_template("{% if")).samples(CONVERSATIONS["single turn"])
    assert "template" in refused.value.given and "no conversation can be written" in refused.value.why
    assert "turns" not in refused.value.todo and "another base model" in refused.value.todo


@pytest.mark.slow
def test_a_prompt_that_never_ends_ends_alone(home, tmp_path, tight):
    template = "{% if 'boom' in messages[-1].content %}" + NEVER + "{% endif %}" + ECHO
    with closing(Prompter(publish(tmp_path / "model", template))) as prompter:
        rows = [{"role": "user", "content": "Hi"}]
        before = prompter.prompt(rows)
        assert prompter.prompt(rows) == before and prompter.native_tools is False
        with pytest.raises(UserError, match="seconds of computing"):
            prompter.prompt([{"role": "user", "content": "boom"}])
        assert prompter.prompt(rows) == before
        assert len(children()) == 1
    assert not children()


def test_the_limits_grow_with_the_text_but_for_strangers(monkeypatch):
    assert apart.limits(20_000_000).cpu_seconds > 900 > 100 > apart.limits(100_000).cpu_seconds
    assert apart.limits(20_000_000).seconds is None
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    assert apart.limits(10**9).cpu_seconds == 300 and apart.limits(10**9).seconds == 600


def children() -> list[psutil.Process]:
    """The processes that work on a task: they are forked off a server that stays."""
    time.sleep(0.5)
    return [each for each in forked() if each.status() != psutil.STATUS_ZOMBIE]


def busy() -> bool:
    """Whether one of them has worked for some seconds."""
    return any(each.cpu_times().user > 6 for each in forked())


def forked() -> list[psutil.Process]:
    server = forkserver._forkserver._forkserver_pid  # a browser of other tests has children, too
    return psutil.Process(server).children() if server else []
