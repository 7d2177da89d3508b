"""What a model's config.json says of its size. Never fetches or reads weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ft import hosting
from ft.errors import UserError
from ft.models import catalogue, embedded, hub
from ft.models.folder import read_config

_DEFAULT = {  # of the default model, whose own config.json is not there before its first use
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
    "max_position_embeddings": 8192,
}
_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len")
_LARGEST = 2**24  # of any of these numbers in a model that exists: a wild config.json must not reach the arithmetic


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A decoder's size. `family` is transformers' model type ("llama", "qwen3"); `parameters` is an estimate.

    `lora_parameters` is the number of values in an adapter of rank 1 on all its linear layers; 0 where not known
    (a mixture of experts). `positions` is how many tokens the model reads at most; 0 where it does not say.
    """

    family: str
    hidden_size: int
    layers: int
    parameters: int
    lora_parameters: int
    positions: int


def of(model: str, ask_hub: bool = True) -> ModelFacts | None:
    """The facts of `model` (see `catalogue.locate`); None where they cannot be known.

    Of a Hub id, config.json alone is read: from the Hub's cache, or with `ask_hub` fetched where the Hub answers (which
    takes seconds where it does not).
    """
    try:
        source = catalogue.locate(model)
        if source.where == "embedded":
            own = embedded.folder() / "config.json"
            return from_config(json.loads(own.read_text(encoding="utf-8")) if own.exists() else _DEFAULT)
        path = Path(source.name) / "config.json" if source.where == "folder" else _from_hub(source.name, ask_hub)
        return from_config(read_config(path.parent)) if path else None
    except (UserError, OSError, ValueError):
        return None


def from_config(config: Any) -> ModelFacts | None:
    """The facts in the content of a config.json; None where it does not describe a decoder of transformer blocks.

    A block is taken to have gated feed-forward layers, as Llama, Qwen, Mistral, Gemma and Phi have.
    """
    if not isinstance(config, Mapping):
        return None
    text = config.get("text_config")
    inner = {**config, **text} if isinstance(text, Mapping) else dict(config)
    hidden = _number(inner, "hidden_size") or _number(inner, "n_embd")
    layers = _number(inner, "num_hidden_layers") or _number(inner, "n_layer")
    if not hidden or not layers:
        return None
    heads = _number(inner, "num_attention_heads") or _number(inner, "n_head") or 1
    head = _number(inner, "head_dim") or hidden // heads
    queries, keys = heads * head, (_number(inner, "num_key_value_heads") or heads) * head
    experts = _number(inner, "num_local_experts") or _number(inner, "num_experts") or _number(inner, "n_routed_experts")
    wide = _number(inner, "intermediate_size") or _number(inner, "n_inner") or 4 * hidden
    if experts:
        wide = _number(inner, "moe_intermediate_size") or wide
    linear = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden)]
    feed_forward = [(hidden, wide), (hidden, wide), (wide, hidden)]
    block = sum(a * b for a, b in linear) + (experts or 1) * sum(a * b for a, b in feed_forward)
    embeddings = _number(inner, "vocab_size") * hidden * (1 if inner.get("tie_word_embeddings") else 2)
    return ModelFacts(
        family=str(inner.get("model_type", "")),
        hidden_size=hidden,
        layers=layers,
        parameters=layers * block + embeddings,
        lora_parameters=0 if experts else layers * sum(a + b for a, b in linear + feed_forward),
        positions=_positions(inner),
    )


def _positions(config: Mapping[str, Any]) -> int:
    """How many tokens the model reads at most: as many as it has positions, or more where these are scaled (YaRN)."""
    named = next((n for name in _POSITIONS if (n := _number(config, name))), 0)
    scaling = config.get("rope_scaling") or config.get("rope_parameters")
    if not named or not isinstance(scaling, Mapping):
        return named
    factor = scaling.get("factor")
    if not isinstance(factor, (int, float)) or not 1 < factor < _LARGEST:
        return named
    return max(named, int(factor * (_number(scaling, "original_max_position_embeddings") or named)))


def _number(config: Mapping[str, Any], name: str) -> int:
    value = config.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST else 0


def _from_hub(model: str, ask: bool) -> Path | None:
    import httpx2
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    token, cache = hosting.hub_token(), hosting.hub_cache()
    cached = try_to_load_from_cache(model, "config.json", cache_dir=cache)
    if isinstance(cached, str):
        return Path(cached)
    if not ask or not hub.reachable():
        return None
    try:
        return Path(hf_hub_download(model, "config.json", etag_timeout=5, token=token, cache_dir=cache))
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.HTTPError):
        return None
