"""Real files of chats, where $SIDETUNE_TEST_CHATS names a folder that holds them: the demo data of LLaMA-Factory
(alpaca_en_demo.json, glaive_toolcall_en_demo.json, identity.json, v1_sft_demo.jsonl). No test needs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("SIDETUNE_TEST_CHATS", ""))
needs_field_files = pytest.mark.skipif(
    not (DATA / "identity.json").is_file(), reason="$SIDETUNE_TEST_CHATS names no folder with LLaMA-Factory's demo data"
)
