"""What is tried where a run does not fit, and what a person is told of it."""

import signal

import pytest

from ft.config import TrainConfig
from ft.train.preflight import Preflight
from ft.train.trial import SHORTEST, Attempt, Trial, _lighter, _read, as_json, seconds
from ft.train.trial_words import report

GB = 2**30
COUNTS = Preflight(
    train=100,
    samples=100,
    validation=10,
    tokens=20_000,
    trained_tokens=9_000,
    longest=500,
    over_limit=0,
    no_trained=0,
    steps=75,
    validations=13,
    validation_tokens=2_000,
    lengths=[],
    remarks=["Two were cut."],
)
CONFIG = TrainConfig(batch_size=4, epochs=3)
FITS = Attempt(CONFIG, True, 3 * GB, 200.0, 650.0)


def lighter(device="cpu", **settings) -> list[TrainConfig]:
    return list(_lighter(TrainConfig().with_settings(settings), device))


def test_what_is_tried_first_is_what_was_asked_and_what_changes_the_result_comes_last():
    found = lighter(batch_size=4, gradient_accumulation=2, max_length=512)
    assert found[0] == TrainConfig(batch_size=4, gradient_accumulation=2, max_length=512)
    assert [config.checkpointing for config in found[:4]] == ["auto", "light", "full", "full"]
    assert [(c.batch_size, c.gradient_accumulation, c.max_length) for c in found[3:]] == [
        (2, 4, 512),
        (1, 8, 512),
        (1, 8, 256),
        (1, 8, 128),
    ]


def test_every_step_stays_the_same_until_the_length_has_to_give():
    for config in lighter(batch_size=12, gradient_accumulation=3, max_length=300):
        assert config.batch_size * config.gradient_accumulation == 36
        assert config.max_length >= SHORTEST


def test_on_a_gpu_where_all_is_recomputed_unless_asked_otherwise_the_batch_is_what_gives_first():
    found = lighter("cuda", batch_size=4, gradient_accumulation=2, max_length=512)
    assert [(c.checkpointing, c.batch_size) for c in found[:3]] == [("auto", 4), ("auto", 2), ("auto", 1)]
    assert [c.checkpointing for c in lighter("cuda", checkpointing="off", batch_size=1, max_length=16)] == [
        "off",
        "light",
        "full",
    ]


def test_what_is_recomputed_already_is_not_tried_again():
    assert [config.checkpointing for config in lighter(checkpointing="light", batch_size=1, max_length=16)] == [
        "light",
        "full",
    ]
    assert [config.checkpointing for config in lighter(checkpointing="full", batch_size=1, max_length=16)] == ["full"]


def test_the_time_is_that_of_the_steps_and_of_the_validations():
    assert seconds(FITS, COUNTS) == 75 * 4 * 200 / 200.0 + 13 * 2_000 / 650.0


def test_several_gpus_are_said_to_be_as_many_times_as_fast_as_the_one_that_was_measured():
    shared = Attempt(CONFIG.with_settings({"gpus": "2,3"}), True, 3 * GB, 200.0, 650.0)
    assert seconds(shared, COUNTS) == seconds(FITS, COUNTS) / 2
    said = " ".join(report(Trial((shared,), 4 * GB, "a GPU"), COUNTS))
    assert "Measured on GPU 2" in said and "400 tokens a second" in said


def test_a_run_that_fits_is_told_with_its_memory_speed_time_and_cost():
    lines = report(Trial((FITS,), 8 * GB, "a device"), COUNTS, price=0.6)
    assert lines[0] == "Two steps on the longest batch took 3.0 GB of the 8.0 GB free: it fits."
    assert "200 tokens a second: about 6 min for 75 steps and 13 validations, about 0.06 at 0.6 an hour" in lines[1]
    assert "an hour" not in " ".join(report(Trial((FITS,), 8 * GB, "a device"), COUNTS))


def test_a_run_that_does_not_fit_is_told_with_what_to_change():
    changed = CONFIG.with_settings({"checkpointing": "full", "batch_size": 2, "gradient_accumulation": 2})
    attempts = (Attempt(CONFIG, False, 9 * GB, 200.0, 600.0), Attempt(changed, True, 4 * GB, 150.0, 600.0))
    found = Trial(attempts, 8 * GB, "a device")
    assert found.changes == {"checkpointing": "full", "batch_size": 2, "gradient_accumulation": 2}
    lines = report(found, COUNTS)
    assert "9.0 GB of the 8.0 GB free: it does not fit" in lines[0]
    assert "gradient checkpointing full" in lines[1] and "It learns the same." in lines[1]
    document = as_json(found, COUNTS, 2.0)
    assert not document["fits"] and document["changes"] == found.changes and document["cost"] > 0
    assert [each["fits"] for each in document["attempts"]] == [False, True]


def test_where_nothing_fits_no_change_is_offered_and_no_time_is_promised():
    found = Trial((Attempt(CONFIG, False), Attempt(CONFIG, False)), 8 * GB, "a device")
    assert found.fitting is None and found.changes == {}
    lines = report(found, COUNTS)
    assert "need more memory than the 8.0 GB" in lines[0] and "choose a smaller model" in lines[-1]
    assert as_json(found, COUNTS)["seconds"] is None


@pytest.mark.parametrize("signalled", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL])
def test_a_process_that_crashed_is_no_run_that_does_not_fit(signalled):
    with pytest.raises(RuntimeError, match="a wrong library"):
        _read(CONFIG, GB, -signalled, "", "a wrong library")


def test_a_process_that_the_system_ended_took_too_much():
    assert not _read(CONFIG, GB, -signal.SIGKILL, "", "").fits
