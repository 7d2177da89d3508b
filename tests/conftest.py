"""What tests share: a home of their own, the small real model, a real browser, and what finds faults in a page.

A test that needs what this machine lacks is skipped with the reason; where CI=true it fails, so that nothing is
skipped unseen.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models import embedded
from ft.models.hardware import STAND_IN

AXE_CORE = "4.14.1"  # its version on npm
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure() -> None:
    """What a shell starts in the background, as tests may be, does not hear Ctrl-C, nor does what it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests also wait, for a browser or a clock."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked gpu are skipped where there is no CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _has_cuda():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty $SIDETUNE_HOME for one test."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("SIDETUNE_HOME", str(path))
    return path


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`nvidia_smi(script)`: from then on that shell script stands in for nvidia-smi, all its GPUs are visible, and the
    CPU computes in their place."""

    def installed(script: str) -> None:
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir()
        path.write_text(script)
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setenv(STAND_IN, "1")

    return installed


@pytest.fixture(scope="session")
def models_cache() -> Path:
    """A models folder that holds the default model, fetched once and kept between test runs.

    It lies in $SIDETUNE_TEST_MODELS, or in the user's cache folder.
    """
    given = os.environ.get("SIDETUNE_TEST_MODELS")
    cache = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "sidetune-tests"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(cache.expanduser().resolve()))
        try:
            return embedded.ensure().parent
        except UserError as error:
            _lacking(f"the default model cannot be fetched: {error}")


@pytest.fixture
def embedded_model(home: Path, models_cache: Path) -> Path:
    """The default model's folder, in the home of one test."""
    (home / "models").symlink_to(models_cache)
    return embedded.folder()


@pytest.fixture(scope="module")
def embedded_model_module(tmp_path_factory: pytest.TempPathFactory, models_cache: Path) -> Iterator[Path]:
    """As `embedded_model`, for a module that shares one home."""
    shared = tmp_path_factory.mktemp("home")
    (shared / "models").symlink_to(models_cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(shared))
        yield embedded.folder()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, models_cache: Path) -> str:
    """The folder of a Llama with two small layers and random weights, and the default model's tokenizer: a step of it
    takes milliseconds, and goes through everything that a step of a large model does."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, set_seed

    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    set_seed(0)
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    tokenizer = AutoTokenizer.from_pretrained(models_cache / DEFAULT_MODEL)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium or Chrome, without a window. Open a page with `browser.new_page()` and close it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_executable(), args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_with(browser: Browser) -> Iterator[Callable[..., Browser]]:
    """`browser_with(*flags)`: another browser like `browser`, with these flags of Chromium too."""
    started: list[Browser] = []

    def launch(*flags: str) -> Browser:
        started.append(browser.browser_type.launch(executable_path=_executable(), args=[*CHROMIUM_FLAGS, *flags]))
        return started[-1]

    yield launch
    for chromium in started:
        chromium.close()


@pytest.fixture(scope="session")
def axe_core(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, which finds faults for those who hear a page or use its keyboard. npm fetches it."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        _lacking("no npm on this machine")
    command = [npm, "pack", f"axe-core@{AXE_CORE}", "--silent", "--cache", str(folder / "cache")]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        _lacking("npm takes too long to fetch axe-core")
    if done.returncode:
        _lacking(f"npm cannot fetch axe-core: {done.stderr.strip()[-300:]}")
    with tarfile.open(folder / f"axe-core-{AXE_CORE}.tgz") as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def _executable() -> str:
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the first computes least
    for name in names:
        if found := shutil.which(name):
            return found
    _lacking(f"no browser on this machine (looked for {', '.join(names)})")


def _has_cuda() -> bool:
    import torch  # takes seconds: only where a test is marked gpu

    return torch.cuda.is_available()


def _lacking(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
