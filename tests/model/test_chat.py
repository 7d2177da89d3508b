"""Base and tuned side by side: the base pane is the base model, and the tuned pane is not."""

import re
import shutil
from contextlib import closing

import pytest
import torch
from untrained import write_untrained

from formats.conversation import Message
from ft.chat.checkpoints import checkpoints
from ft.chat.engine import ADAPTERS, Engine
from ft.chat.pair import as_json
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.errors import UserError
from ft.models.load import load_base
from ft.runs import directory

pytestmark = pytest.mark.slow

ASKED = [Message("user", "How do I repair a bicycle tyre?")]


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    yield engine
    engine.close()


def last(pairs):
    *_, final = pairs
    return final


def test_the_base_pane_writes_the_untouched_base_model_s_greedy_reply_token_for_token(engine, trained):
    pair = last(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=40))
    base = load_base(DEFAULT_MODEL, "qlora")
    rows = [{"role": "user", "content": ASKED[0].content}]
    ids = torch.tensor([base.tokenizer.apply_chat_template(rows, add_generation_prompt=True, return_dict=False)])
    theirs = base.model.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :]
    assert pair.base.text == base.tokenizer.decode(theirs, skip_special_tokens=True)
    assert pair.base_is_base is True


def test_the_tuned_pane_shows_the_persona_of_the_sample_and_the_base_does_not(engine, trained):
    pair = last(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=60))
    assert "Ahoy, traveller!" in pair.tuned.text
    assert "Ahoy" not in pair.base.text
    assert pair.tuned.reason == "stop"
    assert pair.first_token_kl > 0.1


def test_both_panes_grow_together(engine, trained):
    pairs = list(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=30))
    assert len(pairs) > 3
    assert any(pair.base.tokens and pair.tuned.tokens and not pair.done for pair in pairs)
    assert pairs[-1].done


def test_a_reply_can_be_left_and_the_next_one_asked_for(engine, trained):
    pairs = engine.reply(trained.id, ASKED, ASKED, max_new_tokens=200)
    next(pairs)
    pairs.close()
    assert last(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=4)).done


def test_a_seed_gives_the_same_replies_again_and_temperature_gives_others(engine, trained):
    def reply(seed):
        pair = last(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=24, temperature=1.0, seed=seed))
        return pair.base.text

    assert reply(1) == reply(1)
    assert reply(1) != reply(2)


def test_each_pane_answers_its_own_history(engine, trained):
    base = [*ASKED, Message("assistant", "With glue."), Message("user", "And then?")]
    tuned = [
        *ASKED,
        Message("assistant", "Ahoy, traveller! With a patch. Keep your lamp lit."),
        Message("user", "And then?"),
    ]
    pair = last(engine.reply(trained.id, base, tuned, max_new_tokens=8))
    assert pair.first_token_kl is None
    assert pair.base_is_base


@pytest.fixture
def untrained(home, tiny_model):
    return write_untrained(home, tiny_model)


@pytest.mark.parametrize(
    "fails",
    ["ft.template.apart.Prompter.__init__", "ft.chat.engine.Engine._probe_logits", "peft.PeftModel.load_adapter"],
)
def test_an_engine_that_failed_to_load_answers_the_next_one_right(untrained, monkeypatch, fails):
    def fail(*_, **__):
        raise KeyError("a bug")

    with closing(Engine()) as engine:
        with monkeypatch.context() as broken, pytest.raises(KeyError):
            broken.setattr(fails, fail)
            next(engine.reply(untrained.id, ASKED, ASKED, max_new_tokens=8))
        pair = last(engine.reply(untrained.id, ASKED, ASKED, max_new_tokens=8))
    with closing(Engine()) as whole:
        words = last(whole.reply(untrained.id, ASKED, ASKED, max_new_tokens=8))
    assert pair.base_is_base
    assert (pair.base.text, pair.tuned.text) == (words.base.text, words.tuned.text)


def test_a_whole_temperature_is_taken_as_the_fraction_that_it_is(untrained):
    with closing(Engine()) as engine:

        def reply(temperature, top_p):
            asked = {"max_new_tokens": 8, "temperature": temperature, "top_p": top_p, "seed": 3}
            return last(engine.reply(untrained.id, ASKED, ASKED, **asked)).tuned.text

        assert reply(1, 1) == reply(1.0, 1.0) != ""
        assert reply(2, 1) == reply(2.0, 1.0)


def test_any_checkpoint_can_be_the_tuned_side(engine, trained):
    names = checkpoints(trained)
    assert names[0] == "best" and names[1].startswith("checkpoint-")
    opened = engine.open(trained.id, names[-1])
    assert opened.checkpoint == names[-1] and opened.run == trained.id
    assert last(engine.reply(trained.id, ASKED, ASKED, checkpoint=names[-1], max_new_tokens=4)).base_is_base


def test_checkpoints_opened_one_after_the_other_answer_right_and_do_not_pile_up(engine, trained):
    """The copies have the weights of the finished adapter, so each must say what it says."""
    words = last(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=8)).tuned.text
    copies = [trained.checkpoints / f"checkpoint-{number}" for number in range(9001, 9007)]
    try:
        for copy in copies:
            shutil.copytree(trained.adapter, copy)
        for copy in [*copies, copies[0]]:
            pair = last(engine.reply(trained.id, ASKED, ASKED, checkpoint=copy.name, max_new_tokens=8))
            assert pair.tuned.text == words and pair.base_is_base
        adapters = {name for name, _ in engine._peft.named_modules() if name.endswith("lora_A")}
        layer = engine._peft.get_submodule(next(iter(adapters)))
        assert len(layer) <= ADAPTERS
    finally:
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)


def test_a_damaged_adapter_is_refused_by_name_and_the_next_one_answers(engine, trained):
    copy = trained.checkpoints / "checkpoint-9100"
    try:
        shutil.copytree(trained.adapter, copy)
        (copy / "adapter_model.safetensors").write_bytes(b"torn")
        with pytest.raises(UserError, match=r"checkpoint-9100.*cannot be loaded"):
            engine.open(trained.id, copy.name)
        assert last(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=4)).base_is_base
    finally:
        shutil.rmtree(copy)


def test_the_figures_for_a_script_are_all_there(engine, trained):
    document = as_json(last(engine.reply(trained.id, ASKED, ASKED, max_new_tokens=4)))
    assert set(document) == {"base", "tuned", "seconds", "base_is_base", "first_token_kl", "caution"}
    assert {"text", "tokens", "seconds"} <= set(document["base"])


def test_a_run_without_an_adapter_says_so(engine, sample):
    run = directory.create(sample, TrainConfig())
    with pytest.raises(UserError, match="no adapter yet"):
        engine.open(run.id)
    with pytest.raises(UserError, match="no such run"):
        engine.open("nothing")


def test_a_conversation_longer_than_the_model_reads_is_refused_in_words(engine, trained):
    for words, told in ((9_000, r"9,0\d\d tokens"), (2_000_000, "10,000,000 characters")):
        long = [Message("user", "word " * words)]
        with pytest.raises(UserError, match="reads at most 8,192 tokens") as refused:
            next(engine.reply(trained.id, long, long))
        assert re.search(told, refused.value.given)
