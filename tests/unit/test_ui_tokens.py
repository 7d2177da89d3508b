"""The picture of how long the conversations are, without a browser."""

from __future__ import annotations

import pytest
from stranger import publish

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.train.data import Counts
from ft.ui.data_tokens import _plot, count_all, further, histogram, show, summary

LENGTHS = [47, 64, 65, 300, 512, 513, 750]


def test_the_bars_count_every_conversation_once_and_none_reaches_over_the_limit():
    bars = histogram(LENGTHS, 512)
    assert bars["conversations"].sum() == len(LENGTHS)
    rows = {row.length: (row.conversations, row.fit) for row in bars.itertuples()}
    assert rows["1\N{EN DASH}64"] == (2, "fit: 5") and rows["449\N{EN DASH}512"] == (1, "fit: 5")
    assert rows["513\N{EN DASH}576"] == (1, "longer: 2") and rows["705\N{EN DASH}768"] == (1, "longer: 2")
    assert rows["129\N{EN DASH}192"][0] == 0  # nobody is so long, and the axis has no gap
    for limit in (1, 16, 100, 509, 750, 4096):
        bars = histogram(LENGTHS, limit)
        beyond = bars[bars["fit"].str.startswith("longer")]["conversations"].sum()
        assert beyond == sum(length > limit for length in LENGTHS) and bars["conversations"].sum() == len(LENGTHS)


def test_the_bars_stay_few_and_in_order_however_long_a_conversation_is():
    bars = histogram([20, 5_000, 100_000], 16)
    assert len(bars) <= 14
    starts = [int(length.partition("\N{EN DASH}")[0].replace(",", "")) for length in bars["length"]]
    assert starts == sorted(starts)


def test_the_picture_says_the_maximum_length_and_is_left_out_where_it_is_one_bar():
    plot = _plot(LENGTHS, 512)
    assert plot.visible and "512 tokens" in plot.color_title and set(plot.color_map) == {"fit: 5", "longer: 2"}
    assert plot.sort[0] == "1\N{EN DASH}64" and plot.y_lim[0] == 0
    assert not _plot([87] * 4, 512).visible


def test_a_conversation_is_named_with_its_tokens_and_the_last_has_no_next(home, tmp_path):
    save(stage([sample_file()]), "sample")
    model = publish(tmp_path / "model")
    assert "Conversation 2: " in list(show("sample", "", model, 512, 2))[-1][1]
    assert [further("sample", "", number) for number in (None, 0, -7, 1, 59, 60, 99)] == [1, 1, 1, 2, 60, 60, 60]
    for number in (0, -1, 61):
        *_, (_, _, alert) = show("sample", "", model, 512, number)
        assert "there are 1 to 60" in str(alert)


@pytest.mark.parametrize("longest", [500, 600])
def test_what_cannot_be_written_is_said_once(longest: int):
    counts = Counts(
        used=2, cut=int(longest > 512), refused=3, first_refused="chats.json, record 7", lengths=[9, longest]
    )
    assert summary(counts, 512).count("cannot write") == 1


def test_each_step_of_what_is_shown_says_of_which_dataset_it_is(home, tmp_path):
    """Where another one is looked at in the middle, what was said of it before is taken away."""
    dataset, model = save(stage([sample_file()]), "sample"), publish(tmp_path / "model")
    shown = list(show("sample", "", model, 512, 1)), list(count_all("sample", "", model, 512))
    for steps in (*shown, list(show("sample", "", model, 512, 99))):  # there is no such conversation
        assert len(steps) > 1 and {step[0] for step in steps} == {str(dataset.path)}
