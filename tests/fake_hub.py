"""A Hub of our own on 127.0.0.1: what the real library asks for to read models and to read and write datasets."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_REPO = re.compile(r"/api/(datasets|models)/([^/]+/[^/]+)(?:/(revision|tree|preupload|commit)/([^/]+).*)?")
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repo:
    """A dataset or a model. `refuses`: status and code of an error that the Hub answers with, whatever is asked.
    `commit` is what its revision is called, the hash of its files where it is "". A `private` model is shown to whoever
    sends a token."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    card: dict[str, Any] = field(default_factory=dict)
    refuses: tuple[int, str] | None = None
    commit: str = ""

    @property
    def sha(self) -> str:
        return self.commit or hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


@dataclass
class Hub:
    """`repos` (datasets) and `models` by owner/name, `requests` (path, token) and `tokens` that were sent with them,
    `broken` ends every transfer of a file in the middle."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    models: dict[str, Repo] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    broken: bool = False

    @property
    def tokens(self) -> list[str]:
        return [token for _, token in self.requests if token]


@contextmanager
def served() -> Iterator[Hub]:
    """The Hub, answering until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *given: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self._noted()
        if path == "/":
            self._answer(200, {})
        elif found := _FILE.fullmatch(path):
            repo = self._repo(found[2], "datasets" if found[1] else "models")
            if repo and found[4] not in repo.files:
                self._refuse(404, "EntryNotFound")
            elif repo:
                self._file(repo.files[found[4]], repo.sha)
        elif found := _REPO.fullmatch(path):
            repo = self._repo(found[2], found[1])
            if repo and found[3] == "revision" and found[4] not in ("main", repo.sha):
                self._refuse(404, "RevisionNotFound")
            elif repo and found[3] == "tree":
                listed = [{"type": "file", "path": n, "size": len(b), "oid": "0"} for n, b in repo.files.items()]
                self._answer(200, listed)
            elif repo:
                siblings = [{"rfilename": name, "size": len(held)} for name, held in repo.files.items()]
                known = {"id": found[2], "sha": repo.sha, "private": repo.private, "siblings": siblings}
                self._answer(200, {**known, "cardData": repo.card})
        else:
            self._refuse(404, "EntryNotFound")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self._noted()
        if not self.headers.get("Authorization"):
            self._answer(401, {"error": "Invalid username or password."})
        elif path == "/api/repos/create":
            asked = json.loads(body)
            id = f"{asked.get('organization') or 'me'}/{asked['name']}"
            there = id in self.hub.repos
            private = asked.get("private", asked.get("visibility") == "private")
            self.hub.repos.setdefault(id, Repo(private=private))
            if self._repo(id):
                self._answer(409 if there else 200, {"url": f"{self.hub.url}/datasets/{id}"})
        elif path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif (found := _REPO.fullmatch(path)) and (repo := self._repo(found[2])):
            if found[3] == "preupload":
                asked = json.loads(body)["files"]
                files = [{"path": each["path"], "uploadMode": "regular", "shouldIgnore": False} for each in asked]
                self._answer(200, {"files": files})
            else:
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        repo.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                    elif line["key"] == "deletedFile":
                        del repo.files[line["value"]["path"]]
                url = f"{self.hub.url}/datasets/{found[2]}/commit/{repo.sha}"
                self._answer(200, {"success": True, "commitOid": repo.sha, "commitUrl": url})

    def _noted(self) -> str:
        """The path that is asked for, noted with the token that came along."""
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((path, (self.headers.get("Authorization") or "").removeprefix("Bearer ")))
        return path

    def _repo(self, id: str, kind: str = "datasets") -> Repo | None:
        """The repository of that id; None where the refusal was answered already."""
        repo = (self.hub.repos if kind == "datasets" else self.hub.models).get(id)
        hidden = kind == "models" and repo and repo.private and not self.headers.get("Authorization")
        if repo is None or hidden:
            self._refuse(401 if hidden else 404, "RepoNotFound")
            return None
        if repo.refuses:
            self._refuse(*repo.refuses)
            return None
        return repo

    def _file(self, held: bytes, sha: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(held)))
        self.send_header("ETag", f'"{hashlib.sha1(held).hexdigest()}"')
        self.send_header("X-Repo-Commit", sha)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(held[: len(held) // 2] if self.hub.broken else held)
            self.close_connection = self.hub.broken

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, {"error": code}, {"X-Error-Code": code, "X-Error-Message": code})

    def _answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
