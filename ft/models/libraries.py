"""The libraries behind a model: imported when one is first needed, by one thread at a time, and without their noise."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import warnings
from typing import Any, NoReturn

from ft.models import device

_IMPORTING = threading.Lock()
_NAMES = ("AutoTokenizer", "AutoConfig", "AutoModelForCausalLM", "BitsAndBytesConfig")


def import_libraries() -> None:
    """Import torch, transformers and TRL (seconds, the first time). To be called before anything of them is used.

    transformers fetches its parts when they are first named, and a second thread that names one meanwhile is told that
    there is no such name.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # GPU 0 is then the one that nvidia-smi means
    if "torch" not in sys.modules and device.describe().kind == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what was said to be done on the CPU is done there
    with _IMPORTING:
        # What libraries tell each other's developers is not for a person's log. bitsandbytes misses an optional kernel
        # on some CPUs, for layers that are replaced here anyway.
        logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", message=".*is deprecated", category=FutureWarning)
        if sys.modules.get("torch", "there") is not None and "bitsandbytes" not in sys.modules:
            _import_bitsandbytes()  # in the process that only renders templates there is no torch
        transformers = importlib.import_module("transformers")
        importlib.import_module("transformers.utils.logging").disable_progress_bar()
        for name in _NAMES:
            getattr(transformers, name)
        importlib.import_module("trl.chat_template_utils")


def _import_bitsandbytes() -> None:
    """Import bitsandbytes without torch's compiler, which takes as long to import as torch itself. It would be for
    kernels of devices that have none of their own; those then run uncompiled, as where no C++ compiler is found."""
    torch: Any = importlib.import_module("torch")
    compiler = torch.compile
    torch.compile = _without_compiler
    try:
        importlib.import_module("bitsandbytes")
    finally:
        torch.compile = compiler


def _without_compiler(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("not compiled")
