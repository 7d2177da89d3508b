"""A model as a stranger may publish it: as much of it as is read to count tokens, with a chat template of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.numpy import save

ECHO = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant: "
NEVER = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
DOUBLES = "{% set a = namespace(t='xxxxxxxx') %}{% for i in range(60) %}{% set a.t = a.t ~ a.t %}{% endfor %}"


def publish(folder: Path, template: str = ECHO, config: Any = None, tokenizer: Any = None, **files: Any) -> str:
    """Write the model into `folder`, which is made; its path. `config`, `tokenizer` and `files` (special_tokens_map
    for special_tokens_map.json) replace what would be in them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = {"tokenizer_class": "ByT5Tokenizer", "chat_template": template} if tokenizer is None else tokenizer
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"} if config is None else config
    for name, content in {"config": config, "tokenizer_config": tokenizer, **files}.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text)
    (folder / "model.safetensors").write_bytes(save({}))
    return str(folder)
