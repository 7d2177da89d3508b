"""What is imported before the page is laid out or a model loaded, and what is not."""

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
PARSED = """
import ast, inspect, sys
parse, getfile, parsing = ast.parse, inspect.getfile, []
ast.parse = lambda *given, **named: parsing.append(sys._getframe(1).f_globals["__name__"]) or parse(*given, **named)
from ft.ui.gradio_import import import_gradio
import_gradio()
from ft.ui import app
app.build()
print(parsing.count("gradio.component_meta"), inspect.getfile is getfile)
"""


@pytest.mark.slow
def test_a_process_that_trains_does_not_import_a_compiler_and_leaves_torch_as_it_is():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


def test_gradio_parses_no_source_of_its_components_at_each_start():
    done = subprocess.run([sys.executable, "-c", PARSED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True"]
