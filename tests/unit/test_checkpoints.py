"""Checkpoints on disk: a damaged one is never taken for a whole one."""

from pathlib import Path

import pytest

from ft.runs import checkpoints


def made(at: Path, step: int, sealed: bool = True) -> Path:
    folder = at / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 40)
    (folder / "trainer_state.json").write_text("{}")
    if sealed:
        checkpoints.seal(folder)
    return folder


def test_a_sealed_checkpoint_is_whole_and_the_newest_by_its_step_is_gone_on_from(tmp_path: Path):
    for step in (9, 80, 100):
        made(tmp_path, step)
    assert checkpoints.last_whole(tmp_path) == (tmp_path / "checkpoint-100", [])


def spoil_a_byte(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)


def cut_a_file(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def lose_a_file(folder: Path) -> None:
    (folder / "trainer_state.json").unlink()


def lose_the_seal(folder: Path) -> None:
    (folder / checkpoints.SEAL).unlink()


def tear_the_seal(folder: Path) -> None:
    path = folder / checkpoints.SEAL
    path.write_bytes(path.read_bytes()[:20])


@pytest.mark.parametrize("damage", [spoil_a_byte, cut_a_file, lose_a_file, lose_the_seal, tear_the_seal])
def test_the_checkpoint_before_a_damaged_one_is_gone_on_from(tmp_path: Path, damage):
    made(tmp_path, 10)
    damage(made(tmp_path, 20))
    assert checkpoints.last_whole(tmp_path) == (tmp_path / "checkpoint-10", [tmp_path / "checkpoint-20"])


def test_where_none_is_whole_there_is_none_to_go_on_from(tmp_path: Path):
    assert checkpoints.last_whole(tmp_path / "nothing") == (None, [])
    made(tmp_path, 1, sealed=False)
    assert checkpoints.last_whole(tmp_path) == (None, [tmp_path / "checkpoint-1"])


def test_the_best_and_the_two_newest_are_kept(tmp_path: Path):
    for step in (5, 10, 15, 20, 100):
        made(tmp_path, step)
    (tmp_path / "checkpoint-old").mkdir()  # not ours
    checkpoints.prune(tmp_path, "checkpoint-10")
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint-10",
        "checkpoint-20",
        "checkpoint-100",
        "checkpoint-old",
    }
    checkpoints.prune(tmp_path, "")
    assert [checkpoints.step(folder) for folder in checkpoints.folders(tmp_path)] == [20, 100]


def test_the_room_that_a_checkpoint_takes_is_the_sum_of_its_files(tmp_path: Path):
    folder = made(tmp_path, 1)
    assert checkpoints.size(folder) == sum(path.stat().st_size for path in folder.iterdir()) > 10_000
