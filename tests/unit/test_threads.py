"""Threads of PyTorch's that wait leave their core to others: libgomp says how, when it is loaded."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest


def spun(**given: str) -> str:
    """The rounds that a thread spins, as libgomp tells them, in a process with these variables beside its own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    told = subprocess.run(
        [sys.executable, "-c", "import ft, torch"],
        env={**kept, "OMP_DISPLAY_ENV": "verbose", **given},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    found = re.search(r"GOMP_SPINCOUNT = '(\d+)'", told)
    if found is None:
        pytest.skip("PyTorch uses another OpenMP than libgomp here")
    return found[1]


def test_threads_that_wait_sleep_soon():
    assert spun() == "1000"


def test_what_the_host_says_about_threads_holds():
    assert spun(GOMP_SPINCOUNT="70000") == "70000"
    assert spun(OMP_WAIT_POLICY="passive") == "0"
