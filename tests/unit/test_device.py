"""What this machine is said to have. A script stands in for nvidia-smi and answers in its shape."""

from __future__ import annotations

import psutil
import pytest

from ft.errors import UserError
from ft.models import device

SMI = """#!/bin/sh
case "$*" in
  *--query-gpu=index,uuid,name,memory.total,memory.free*--format=csv,noheader,nounits*) ;;
  -L)
    echo "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-5d9f11aa)"
    echo "  MIG 3g.40gb     Device  0: (UUID: MIG-5d9f11aa-0001)"
    echo "  MIG 1g.10gb+me  Device  1: (UUID: MIG-5d9f11aa-0002)"
    echo "GPU 1: NVIDIA L4 (UUID: GPU-77e0bc42)"
    exit ;;
  *) exit 2 ;;
esac
echo "0, GPU-5d9f11aa, NVIDIA A100-SXM4-80GB, 81920, 80000"
echo "1, GPU-77e0bc42, NVIDIA L4, 23034, 22000"
echo "2, GPU-0c3d9e71, NVIDIA GB10, [N/A], [N/A]"
"""


@pytest.fixture
def smi(nvidia_smi) -> None:
    nvidia_smi(SMI)


def test_the_first_gpu_is_described_with_its_memory_in_bytes(smi):
    found = device.describe()
    assert (found.kind, found.name) == ("cuda", "NVIDIA A100-SXM4-80GB")
    assert (found.memory_bytes, found.free_bytes) == (81920 * 2**20, 80000 * 2**20)
    assert str(found) == "NVIDIA A100-SXM4-80GB, 80 GB (78.1 GB free)"


@pytest.mark.parametrize(
    ("visible", "name"),
    [
        ("1", "NVIDIA L4"),
        ("1,0", "NVIDIA L4"),
        ("GPU-77e0", "NVIDIA L4"),
        ("MIG-5d9f11aa-0002", "part of NVIDIA A100-SXM4-80GB"),
    ],
)
def test_the_gpu_that_is_described_is_the_one_that_cuda_shows_first(smi, monkeypatch, visible: str, name: str):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert device.describe().name == name


def test_a_part_of_a_gpu_has_its_own_memory_and_its_own_lock(smi, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-5d9f11aa-0002,MIG-5d9f11aa-0001,MIG-none")
    assert [(each.key, each.memory_bytes) for each in device.gpus()] == [
        ("cuda-MIG-5d9f11aa-0002", 10 * 2**30),
        ("cuda-MIG-5d9f11aa-0001", 40 * 2**30),
    ]


@pytest.mark.parametrize("driver", [True, False])
def test_a_gpu_that_nvidia_smi_does_not_name_is_told_of(tmp_path, monkeypatch, driver: bool):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device, "_DRIVER", tmp_path)
    if driver:
        (tmp_path / "0000:01:00.0").mkdir()
    assert ("nvidia-smi does not name" in device.unseen()) is driver
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # hidden on purpose
    assert device.unseen() == ""


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles", "7"])
def test_gpus_that_cuda_does_not_show_are_not_described(smi, monkeypatch, visible: str):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert device.describe().kind == "cpu"


def test_a_gpu_that_names_no_memory_has_that_of_the_machine(smi, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    found = device.describe()
    assert (found.kind, found.memory_bytes) == ("cuda", psutil.virtual_memory().total)


def test_without_nvidia_smi_the_cpu_is_described(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = device.describe()
    assert found.kind == "cpu" and found.memory_bytes == psutil.virtual_memory().total
    assert 0 < found.free_bytes <= found.memory_bytes


def test_all_gpus_that_cuda_shows_are_found_in_its_order(smi, monkeypatch):
    assert [each.id for each in device.gpus()] == ["0", "1", "2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0,9,1")  # nothing is visible after one that is not there
    assert [each.id for each in device.gpus()] == ["2", "0"]


def test_a_gpu_is_one_device_whatever_it_is_called(smi, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    by_number = device.describe().key
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-77e0")
    assert device.describe().key == by_number == "cuda-GPU-77e0bc42"


def test_a_run_has_the_gpus_that_were_chosen_and_the_first_where_none_was(smi):
    assert [each.key for each in device.chosen("0,1")] == ["cuda-GPU-5d9f11aa", "cuda-GPU-77e0bc42"]
    assert [each.key for each in device.chosen("")] == ["cuda-GPU-5d9f11aa"]
    with pytest.raises(UserError, match="no GPU 7"):
        device.chosen("0,7")


def test_gpus_that_are_named_where_there_are_none_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [each.key for each in device.chosen("")] == ["cpu"]
    with pytest.raises(UserError, match="shows no GPU"):
        device.chosen("0")
