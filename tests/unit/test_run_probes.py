"""The same questions as the model learnt: what is shown of a run's probe events."""

from ft.ui.run_probes import html


def probe(step: int, *replies: str, kept: bool = False) -> dict:
    told = [{"question": f"Question {n}?", "reply": reply} for n, reply in enumerate(replies, 1)]
    return {"kind": "probe", "step": step, "kept": kept, "replies": told}


def test_each_question_has_a_row_and_each_time_a_column_in_the_order_they_were_asked():
    shown = html([probe(0, "a0", "b0"), probe(14, "a14", "b14"), probe(10, "a10", "b10", kept=True)])
    assert [shown.index(word) for word in ("Before", "Step 14", "Kept: step 10", "a0", "a14", "a10", "b0")] == sorted(
        shown.index(word) for word in ("Before", "Step 14", "Kept: step 10", "a0", "a14", "a10", "b0")
    )
    assert shown.count("<tr>") == 3


def test_nothing_that_a_model_or_a_person_wrote_becomes_html():
    shown = html([{"kind": "probe", "step": 0, "replies": [{"question": "<b>q</b>", "reply": "<script>x</script>"}]}])
    assert "<script>" not in shown and "<b>" not in shown and "&lt;script&gt;" in shown


def test_a_run_that_asked_nothing_shows_nothing():
    assert html([]) == html([{"kind": "step", "step": 1}, probe(0)]) == ""


def test_what_a_stopped_run_had_kept_is_not_shown_once_it_went_on():
    found = [
        {"kind": "started", "step": 0},
        probe(0, "before"),
        probe(4, "kept at first", kept=True),
        {"kind": "started", "step": 6},
        probe(12, "kept at last", kept=True),
    ]
    assert "kept at first" not in html(found) and "kept at last" in html(found) and "before" in html(found)
