"""What is imported before a model can be loaded, and what is not."""

import subprocess
import sys

import pytest

LOADED = """
import sys, torch
compiler = torch.compile
from ft.models.libraries import import_libraries
import_libraries()
import ft.train.train, peft
print(torch.compile is compiler, "bitsandbytes" in sys.modules, "torch._inductor.compile_fx" in sys.modules)
"""


@pytest.mark.slow
def test_a_process_that_trains_does_not_import_a_compiler_and_leaves_torch_as_it_is():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]
