"""The app starts as it does on a Hugging Face Space, and our folder spaces/ does not stand in for the PyPI package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPACE = {"SYSTEM": "spaces", "SPACE_ID": "somebody/sidetune", "SPACE_HOST": "somebody-sidetune.hf.space"}


@pytest.fixture(scope="module")
def spaces_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH that holds the PyPI package `spaces`, which Hugging Face puts on its Gradio Spaces."""
    target = tmp_path_factory.mktemp("pypi")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), "spaces"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"pip cannot get the package spaces: {done.stderr.strip()[-300:]}")
    return target


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sidetune installed as the Dockerfile installs it: from the files it copies alone, and not editable."""
    context, target = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("container")
    for line in (ROOT / "spaces/docker/Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY") and "start" not in line:
            *sources, folder = [word for word in line.split()[1:] if not word.startswith("--")]
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, context / folder, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / source, context / folder)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(context)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def environment(home: Path, installed: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of the app, with Sidetune taken from the folder `installed` if that is given."""
    own = ("SPACE", "SYSTEM", "GRADIO", "SIDETUNE", "PYTHONPATH", "PORT")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    if installed:
        inherited |= {"PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(installed)}
    return {**inherited, "SIDETUNE_HOME": str(home), **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


@contextmanager
def running(command: list[str], port: int, log: Path, cwd: Path, env: dict[str, str]) -> Iterator[str]:
    """The address of the app that `command` starts, once it answers; the app is ended afterwards."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + 180
        while True:
            assert process.poll() is None, f"it ended with {process.returncode}:\n{log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"no answer:\n{log.read_text()[-3000:]}"
            try:
                get(address)
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.parametrize("variables", [SPACE, {"SYSTEM": "spaces"}, {}], ids=["space", "no SPACE_ID", "elsewhere"])
def test_app_py_answers_on_a_space_that_has_the_package(home, tmp_path, spaces_package, variables):
    port = free_port()
    env = environment(home, None, PYTHONPATH=str(spaces_package), **variables)
    command = [sys.executable, "app.py", "--no-auth", "--port", str(port)]
    with running(command, port, tmp_path / "log", ROOT, env) as address:
        assert "Sidetune" in get(address)


def test_app_py_answers_on_a_space_that_lacks_the_package(home, tmp_path):
    """Then `import spaces` finds our folder, as a namespace package without the function that Gradio calls."""
    port = free_port()
    command = [sys.executable, "app.py", "--no-auth", "--port", str(port)]
    with running(command, port, tmp_path / "log", ROOT, environment(home, None, **SPACE)) as address:
        assert "Sidetune" in get(address)


def test_our_folder_does_not_shadow_the_package(home, spaces_package):
    env = environment(home, PYTHONPATH=str(spaces_package))
    code = "import spaces; print(spaces.__file__)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert Path(out.stdout.strip()).is_relative_to(spaces_package)


def test_what_the_dockerfile_copies_and_installs_serves_on_a_space(home, tmp_path, container):
    port = free_port()
    env = environment(home, container, SIDETUNE_HOST="127.0.0.1", PORT=str(port), SIDETUNE_NO_AUTH="1", **SPACE)
    del env["SIDETUNE_HOME"]
    env["HOME"] = str(home)
    with running([str(ROOT / "spaces/docker/start")], port, tmp_path / "log", tmp_path, env) as address:
        assert "Nothing here outlives a restart" in get(address)
        get(address + "config")  # without a login, the page's description can be read


def test_the_start_script_does_not_open_a_space_to_everybody_unasked(home, tmp_path, container):
    env = environment(home, container, PORT=str(free_port()), **SPACE)
    ended = subprocess.run(
        [str(ROOT / "spaces/docker/start")], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1
    assert "SIDETUNE_AUTH=user:password" in ended.stderr and "SIDETUNE_NO_AUTH=1" in ended.stderr


def test_the_start_script_asks_for_the_login_that_the_secret_names(home, tmp_path, container):
    port = free_port()
    env = environment(
        home, container, SIDETUNE_HOST="127.0.0.1", PORT=str(port), SIDETUNE_AUTH="ada:a long one", **SPACE
    )
    with running([str(ROOT / "spaces/docker/start")], port, tmp_path / "log", tmp_path, env) as address:
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(address + "config")
        assert refused.value.code == 401
        assert "a long one" not in (tmp_path / "log").read_text()


def test_the_container_s_install_is_whole_and_leaves_spaces_out(container):
    kept = {path.relative_to(container).as_posix() for path in container.rglob("*") if path.is_file()}
    here = {
        path.relative_to(ROOT).as_posix()
        for name in ("formats", "ft")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sorted(here - kept) == []
    assert [name for name in kept if name.startswith("spaces/")] == []
