"""What the command line promises to scripts and says to people."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ft import presets
from ft.cli import main, serve_main
from ft.cli.arguments import parser
from ft.cli.follow import follow
from ft.config import TrainConfig
from ft.dataset import versions
from ft.runs import directory, events
from ft.runs.directory import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> Path:
    """A ShareGPT file of 20 records, the third of which has no reply."""
    records = [
        {"conversations": [{"from": "human", "value": f"Question {n}"}, {"from": "gpt", "value": f"Answer {n}"}]}
        for n in range(20)
    ]
    records[2] = {"conversations": [{"from": "human", "value": "Anyone\x1b[2J?"}]}
    path = tmp_path / "chats.json"
    path.write_text(json.dumps(records))
    return path


@pytest.fixture
def run(chats: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A run on that dataset that nothing has started."""
    assert main(["convert", str(chats), "--name", "mine", "--json"]) == 0
    capsys.readouterr()
    return directory.create(versions.find("mine"), TrainConfig())


def printed(capsys: pytest.CaptureFixture[str], words: list[str], status: int = 0) -> Any:
    """The JSON document that a command prints, alone, on standard output."""
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def finish(run: Run) -> None:
    events.append(run, "launched")
    events.append(run, "data", train=17, validation=2, trained_tokens=340, cut=1, dropped=0, no_trained=0)
    events.append(run, "started", step=0, steps=2, device="a CPU")
    events.append(run, "validation", step=0, epoch=0.0, loss=3.0)
    step = {"steps": 2, "tokens_per_second": 90.0, "memory_bytes": 1000, "seconds_left": 4.0}
    events.append(run, "step", step=1, epoch=0.5, loss=2.5, **step)
    step = {"steps": 2, "tokens_per_second": 99.0, "memory_bytes": 2000, "seconds_left": 0.0}
    events.append(run, "step", step=2, epoch=1.0, loss=2.0, **step)
    events.append(run, "validation", step=2, epoch=1.0, loss=1.5)
    events.append(run, "finished", step=2, reason="done", best_step=2)


def test_convert_prints_the_promised_report(chats, capsys):
    report = printed(capsys, ["convert", str(chats), "--name", "mine"])
    assert (report["dataset"], report["version"], report["format"]) == ("mine", "v1", "sharegpt")
    assert (report["read"], report["kept"], report["duplicates"]) == (20, 19, 0)
    assert isinstance(report["repaired"], dict)
    assert list(report["rejected"].values()) == [1]
    assert set(report["splits"]) == {"train", "validation"} and sum(report["splits"].values()) == 19
    (problem,) = report["problems"]
    assert set(problem) == {"file", "record", "turn", "field", "code", "problem", "fix"}
    assert (problem["file"], problem["record"]) == ("chats.json", 3)


def test_converting_to_a_name_again_makes_its_next_version(chats, capsys):
    for version in ("v1", "v2"):
        assert printed(capsys, ["convert", str(chats), "--name", "mine"])["version"] == version


def test_convert_tells_a_person_counts_reasons_places_and_the_next_command(chats, capsys):
    assert main(["convert", str(chats), "--name", "mine"]) == 0
    out = capsys.readouterr().out
    assert "Read 20 records of chats.json, kept 19: sharegpt" in out
    assert "Rejected 1 record:" in out
    assert "chats.json, record 3" in out
    assert "rejected.jsonl" in out
    assert "Next: sidetune train mine" in out
    assert "\x1b" not in out


def test_a_format_that_does_not_fit_fails_and_leaves_no_dataset(chats, capsys):
    found = printed(capsys, ["convert", str(chats), "--name", "mine", "--format", "alpaca"], status=1)
    assert set(found["error"]) == {"given", "why", "todo"} and all(found["error"].values())
    assert printed(capsys, ["datasets"]) == []


def test_a_bad_name_is_refused_before_anything_is_read(home, capsys):
    assert main(["convert", "/nowhere/chats.json", "--name", "a/b"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ") and "a/b" in captured.err


def test_no_datasets_and_no_runs_name_the_first_command(home, capsys):
    assert main(["datasets"]) == 0
    assert "sidetune convert FILE --name NAME" in capsys.readouterr().out
    assert main(["runs"]) == 0
    assert "sidetune train NAME" in capsys.readouterr().out


def test_datasets_lists_all_and_shows_one(chats, capsys):
    report = printed(capsys, ["convert", str(chats), "--name", "mine"])
    (entry,) = printed(capsys, ["datasets"])
    assert {key: entry[key] for key in ("dataset", "version", "kept", "splits")} == {
        key: report[key] for key in ("dataset", "version", "kept", "splits")
    }
    shown = printed(capsys, ["datasets", "mine@v1"])
    assert {key: shown[key] for key in report} == report and shown["versions"] == ["v1"]
    assert main(["datasets"]) == 0
    titles, row = capsys.readouterr().out.splitlines()[:2]
    assert titles.split()[:2] == ["dataset", "version"] and row.split()[:3] == ["mine", "v1", "sharegpt"]
    assert main(["datasets", "mine"]) == 0
    assert "sha256" in capsys.readouterr().out


def test_a_run_that_is_done_is_summed_up_with_every_promised_figure(run, capsys):
    finish(run)
    (listed,) = printed(capsys, ["runs"])
    shown = printed(capsys, ["runs", "latest"])
    for found in (listed, shown):
        assert found["run"] == run.id and found["status"] == "finished"
        figures = {key: found[key] for key in ("steps", "tokens_per_second", "trained_tokens", "loss", "best_step")}
        assert figures == {"steps": 2, "tokens_per_second": 99.0, "trained_tokens": 340, "loss": 2.0, "best_step": 2}
        assert (found["validation_loss_before"], found["validation_loss_after"]) == (3.0, 1.5)
        assert found["adapter"] is None and found["peak_memory_bytes"] == 2000
    assert shown["settings"] == run.config.train.model_dump()
    assert main(["runs"]) == 0 and run.id in capsys.readouterr().out
    assert main(["runs", run.id[:15]]) == 0
    assert "3.0000 before, 1.5000 after" in capsys.readouterr().out


def test_a_run_that_failed_says_why_to_a_script_and_to_a_person(run, capsys):
    events.append(run, "launched")
    events.append(run, "failed", given="step 3", why="the loss is not a number.", todo="Lower the learning rate.")
    found = printed(capsys, ["runs", run.id])
    assert found["error"] == {"given": "step 3", "why": "the loss is not a number.", "todo": "Lower the learning rate."}
    assert main(["runs", run.id]) == 0
    assert "Lower the learning rate." in capsys.readouterr().out


def test_stopping_a_run_that_is_not_going_and_resuming_a_finished_one_fail(run, capsys):
    finish(run)
    assert "finished" in printed(capsys, ["stop", run.id], status=1)["error"]["why"]
    assert "finished" in printed(capsys, ["resume", run.id], status=1)["error"]["why"]
    assert main(["runs", "nosuch"]) == 1


def test_a_run_that_is_only_prepared_says_so_and_starts_nothing(run, capsys):
    done = printed(capsys, ["train", "mine", "--prepare"])
    assert done["status"] == "stopped" and "not started yet" in done["message"] and Path(done["folder"]).is_dir()
    assert [each["kind"] for each in events.read(directory.find(done["run"]))] == ["stopped"]


def test_stop_asks_a_living_run_to_stop(run, capsys):
    events.append(run, "launched")
    events.append(run, "started", step=0, steps=9)
    with FileLock(run.lock_path):
        assert printed(capsys, ["stop", run.id])["status"] == "stopping"
    assert run.stop_path.exists()


def test_following_shows_each_event_once_until_the_run_ends(run, capsys):
    finish(run)
    assert follow(run) is True
    err = capsys.readouterr().err
    assert "17 conversations to train on, 2 held out; 340 tokens to learn; 1 over-long cut" in err
    assert "Step 2 of 2, loss 2.0000, 99 tokens/s, 0 s left" in err
    assert err.count("Validation loss 3.0000 before training") == 1


def test_ctrl_c_asks_the_run_to_stop_and_waits_until_it_has(run, capsys):
    def work() -> None:  # stands in for the worker, which would train: it holds the lock and obeys the stop file
        with FileLock(run.lock_path):
            locked.set()
            events.append(run, "started", step=0, steps=9)
            os.kill(os.getpid(), signal.SIGINT)
            while not run.stop_path.exists():
                time.sleep(0.01)
            events.append(run, "stopped", step=1)

    locked = threading.Event()
    worker = threading.Thread(target=work)
    events.append(run, "launched")
    try:
        worker.start()
        locked.wait()
        ended = follow(run)
    finally:
        run.stop_path.touch()
        worker.join()
    assert ended is True
    err = capsys.readouterr().err
    assert "Asked the run to stop" in err and err.count("Training 9 steps") <= 1


def test_training_on_what_is_not_there_or_with_a_bad_setting_fails_without_a_run(chats, capsys):
    assert "nosuch" in printed(capsys, ["train", "nosuch"], status=1)["error"]["given"]
    main(["convert", str(chats), "--name", "mine", "--json"])
    capsys.readouterr()
    for words, given in (
        (["--set", "nosuch=1"], "nosuch"),
        (["--set", "epochs=many"], "epochs"),
        (["--model", "no such model"], "no such model"),
    ):
        assert given in printed(capsys, ["train", "mine", *words], status=1)["error"]["given"]
    assert printed(capsys, ["runs"]) == []


def test_settings_are_read_from_the_preset_then_set_then_the_options():
    from ft.cli.runs import config_of

    words = ["train", "mine", "--preset", "small-data", "--set", "epochs=2", "--set", "trained_layers=4"]
    config = config_of(parser().parse_args([*words, "--set", "max_steps=9", "--max-steps", "3", "--model", "./folder"]))
    base = presets.preset("small-data").config
    assert config == base.with_settings({"epochs": 2, "trained_layers": 4, "max_steps": 3, "model": "./folder"})


def test_chat_with_a_run_without_an_adapter_says_so(run, capsys):
    assert "adapter" in printed(capsys, ["chat", run.id, "--prompt", "Hi"], status=1)["error"]["why"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nosuch"],
        ["convert", "a.json"],
        ["convert", "--name", "mine"],
        ["convert", "a.json", "--name", "mine", "--format", "csv"],
        ["train", "mine", "--preset", "nosuch"],
        ["train", "mine", "--set", "epochs"],
        ["train", "mine", "--max-steps", "0"],
        ["chat", "latest"],
        ["chat", "latest", "--prompt", "Hi", "--temperature", "hot"],
        ["chat", "latest", "--prompt", "Hi", "--temperature", "nan"],
        ["chat", "latest", "--prompt", "Hi", "--temperature", "3"],
        ["serve", "--port", "99999"],
        ["serve", "--auth", "nopassword"],
    ],
)
def test_bad_usage_exits_with_2(home, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert capsys.readouterr().out == ""


def test_the_password_may_hold_a_colon():
    assert parser().parse_args(["serve", "--auth", "me:pass:word"]).auth == ("me", "pass:word")


def test_app_takes_the_options_of_serve(capsys):
    with pytest.raises(SystemExit) as caught:
        serve_main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(option in out for option in ("--host", "--port", "--auth"))
    assert parser().parse_args(["serve"]).host == "127.0.0.1"


@pytest.mark.parametrize("words", [["datasets"], ["runs"], ["convert", "chats.json", "--name", "mine"]])
def test_the_quick_commands_import_neither_torch_nor_transformers_nor_gradio(chats, words):
    code = (
        "import sys; from ft.cli import main; status = main(sys.argv[1:]); "
        "print({name.split('.')[0] for name in sys.modules} & {'torch', 'transformers', 'gradio', 'trl', 'peft'}, "
        "file=sys.stderr); sys.exit(status)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=chats.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "set()"


def test_the_command_runs_as_a_module_and_app_py_shows_its_help(home):
    for words in (["-m", "ft", "datasets", "--json"], ["app.py", "--help"]):
        done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout
