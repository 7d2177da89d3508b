"""Who is ahead of a run in line: those that want its device, and no others."""

from pathlib import Path

from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.runs import directory, events, queue


def test_a_run_has_those_ahead_of_it_that_want_its_device_and_no_others(home: Path, hold):
    runs = [directory.create(Version("sample", "v1", home), TrainConfig()) for _ in range(2)]
    for run, devices in zip(runs, (["cuda-a"], ["cuda-b", "cuda-c"]), strict=True):
        events.append(run, "launched", devices=devices)
        events.append(run, "waiting")
    with hold(runs[0].lock_path), hold(runs[1].lock_path):
        now = queue.line()
        assert now.ahead({"cuda-a"}) == runs[0] and now.ahead({"cuda-c", "cuda-d"}) == runs[1]
        assert now.ahead({"cuda-d"}) is None
        assert now.before(runs[1]) == []
