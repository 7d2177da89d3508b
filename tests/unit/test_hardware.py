"""What nvidia-smi says is compared with what torch computes on; a mismatch ends in words with what mends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ft.errors import UserError
from ft.models import hardware
from ft.models.device import Device
from ft.models.hardware import computing_on

GPU = Device("cuda", "NVIDIA H100", 80 * 2**30, 79 * 2**30, "0", "GPU-1")
PUBLISHED = {"12.6": {"x86_64": {60, 75, 90}}, "12.9": {"x86_64": {75, 90}}, "13.0": {"x86_64": {75, 90}}}
TOO_OLD = "The NVIDIA driver on your system is too old (found version {}). Please update your GPU driver."


@pytest.fixture(autouse=True)
def torch_2_13(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.13.0+cu130")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "PYTORCH_RELEASES_CODE_CC", PUBLISHED, raising=False)


def fails(words: str):
    def compute() -> None:
        raise RuntimeError(words)

    return compute


def refused() -> UserError:
    with pytest.raises(UserError) as error:
        computing_on(GPU)
    assert error.value.given == "the GPU NVIDIA H100"
    return error.value


def test_a_torch_for_the_cpu_beside_a_gpu_is_named_with_the_command_that_installs_another(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.13.0+cpu")
    monkeypatch.setattr(torch.version, "cuda", None)
    error = refused()
    assert "PyTorch 2.13.0+cpu is built for the CPU alone" in error.why
    assert "pip install --force-reinstall torch==2.13.0 --index-url" in error.todo and error.todo.endswith("/cu130")


@pytest.mark.parametrize(
    ("found", "said", "wheel"),
    [("12090", "12.9", "cu129"), ("12070", "12.7", "cu126"), ("12020", "12.2", "cu126"), ("11040", "11.4", "")],
)
def test_a_driver_that_is_too_old_is_named_with_the_newest_torch_that_it_does(monkeypatch, found, said, wheel):
    monkeypatch.setattr(torch.cuda, "init", fails(TOO_OLD.format(found)))
    error = refused()
    assert f"its driver does CUDA {said} at most, and PyTorch 2.13.0+cu130 needs CUDA 13.0" in error.why
    assert error.todo.startswith("Update NVIDIA's driver.")
    assert error.todo.endswith(f"whl/{wheel}") if wheel else "pip" not in error.todo


def test_a_gpu_that_is_out_of_reach_is_told_in_torch_s_words(monkeypatch):
    monkeypatch.setattr(torch.cuda, "init", fails("Found no NVIDIA driver on your system.\nMore."))
    error = refused()
    assert "Found no NVIDIA driver on your system." in error.why and "More" not in error.why
    assert "--gpus all" in error.todo


@pytest.mark.parametrize(("capability", "wheel"), [((6, 0), "cu126"), ((3, 5), "")])
def test_a_gpu_that_torch_has_no_code_for_is_named_with_its_compute_capability(monkeypatch, capability, wheel):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(hardware, "_compute", fails("CUDA error: no kernel image is available for execution"))
    error = refused()
    assert "no code for its compute capability {}.{}".format(*capability) in error.why
    assert error.todo.endswith(wheel) if wheel else "Use another GPU, or the CPU" in error.todo


def test_a_gpu_that_does_not_compute_is_told_in_torch_s_words(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(hardware, "_compute", fails("CUDA error: all CUDA-capable devices are busy"))
    assert "all CUDA-capable devices are busy" in refused().why


def test_a_gpu_that_computes_has_the_name_and_the_memory_that_torch_knows(monkeypatch):
    for name, value in {
        "is_available": True,
        "current_device": 0,
        "mem_get_info": (7 * 2**30, 10 * 2**30),
        "get_device_name": "NVIDIA H100 MIG 1g.10gb",
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)
    monkeypatch.setattr(hardware, "_compute", lambda: None)
    here = computing_on(GPU)
    assert str(here) == "NVIDIA H100 MIG 1g.10gb, 10 GB (7.0 GB free)" and here.key == GPU.key


@pytest.mark.slow
def test_what_was_said_to_be_the_cpu_is_the_cpu_and_torch_sees_no_gpu(tmp_path):
    code = "import os; from ft.models.libraries import import_libraries; import_libraries()"
    code += "; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(Path(hardware.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
