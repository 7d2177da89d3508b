"""The page for those who hear it or use its keyboard: the script that adds what Gradio leaves out."""

from __future__ import annotations

from pathlib import Path

from ft.ui.page_policy import hash_of

_SCRIPT = Path(__file__).with_name("accessible.js").read_text(encoding="utf-8")
HEAD = f"<script>{_SCRIPT}</script>"
HASHES = (hash_of(_SCRIPT),)  # as address.HASHES
