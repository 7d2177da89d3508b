"""The adapter of a real run, taken away: the code on its card loads it, and it answers as the run's own files do."""

import subprocess
import sys
import zipfile

import pytest
from going import finished

from ft.export.adapter import export_adapter

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]
LOGITS = """
import torch
with torch.inference_mode():
    scores = model(**inputs.to(model.device)).logits[0, -1].float()
print("logits", scores.sum().item(), scores.abs().max().item())
"""
IN_EACH_FOLDER = """
import os, sys
code, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    exec(code, {})
    print("done", flush=True)
"""


@pytest.mark.parametrize("method", ["qlora", "lora"])
def test_the_code_on_the_card_loads_the_adapter_and_talks_to_it(tiny_run, tiny_model, tmp_path, method):
    run = finished(tiny_run(method=method, max_steps=4, eval_steps=4))
    done = export_adapter(run, tmp_path / "adapter.zip")
    taken = tmp_path / "taken"
    with zipfile.ZipFile(done.path) as archive:
        archive.extractall(taken)
    code = (taken / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert 'base = "tiny"' in code
    code = code.replace('base = "tiny"', f"base = {tiny_model!r}") + LOGITS
    command = [sys.executable, "-c", IN_EACH_FOLDER, code, str(taken), str(run.adapter)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = done.stdout.split("done\n")[:2]
    assert "logits" in first and first == second
