"""Sidetune below its user interface: datasets, templates, models, runs, training and chat."""

import os

# How long a thread of PyTorch's on a CPU spins before it sleeps, in rounds. At libgomp's own 300,000 two processes that
# compute at once (a run, and a chat beside it) take each other's cores to wait: on 2 cores each of two runs took twice
# the time and more that it takes with 1,000. libgomp reads this when PyTorch loads it.
if not os.environ.get("OMP_WAIT_POLICY"):
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
