"""The Hugging Face Hub: whether it answers, and the files of a model that are fetched from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from glob import escape
from pathlib import Path
from typing import NoReturn

from ft import hosting
from ft.errors import UserError
from ft.models.other_kinds import INDEX, WEIGHTS, refusal_of, tokenizer_refusal

_TEXTS = (
    *("config", "generation_config", "tokenizer", "vocab", "merges", "special_tokens_map", "added_tokens"),
    *("chat_template", "tekken.json", "normalizer.json", "emoji.json"),
)
_SUFFIXES = (".model", ".tiktoken", ".spm", ".codes")
_LARGEST_TEXT = 128 * 2**20  # bytes; the tokenizer.json of a vocabulary of 260,000 has 33 MB
_LARGEST_INDEX = 32 * 2**20  # bytes; that of a model of 671 billion parameters has 9 MB


def reachable(seconds: float = 5.0) -> bool:
    """Whether the Hub answers, by one attempt of at most `seconds`: its own library would try for most of a minute.

    HF_ENDPOINT (a mirror), HF_HUB_OFFLINE and the usual proxy variables are honoured.
    """
    import httpx2
    from huggingface_hub import constants, get_session, is_offline_mode

    if is_offline_mode():
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=seconds)
    except httpx2.HTTPError:
        return False
    return True


def fetch(model: str, weights: bool) -> Path:
    """The folder with the config and the tokenizer of the Hub's `model`, and with its `weights` where asked for.

    One commit of it, and of that only what is read: not an adapter_config.json, which would name another model to load,
    in a folder of this machine if it likes. Where the Hub does not answer, or not to us, what is in its cache is taken.

    Raises:
        UserError: the model cannot be fetched and is not in the cache, or is not one that can be used.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if not reachable():
        return _cached(model) or _refuse(
            model,
            "it is not on this machine, and the Hugging Face Hub cannot be reached.",
            "Check the name and the connection, or choose the default model or a folder on this machine.",
        )
    try:
        return _fetch(model, weights)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, httpx2.HTTPError) as error:
        kept = _cached(model)
        if kept is None:
            raise _refusal(model, error) from error
        return kept
    except OSError as error:
        why = f"it cannot be written on this machine: {(error.strerror or str(error)).lower()}."
        raise UserError(f"the model {model}", why, "Make room, or choose a smaller model.") from error


def _fetch(model: str, weights: bool) -> Path:
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    token, cache = hosting.hub_token(), hosting.hub_cache()
    info = HfApi().model_info(model, files_metadata=True, token=token)
    sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
    base = info.card_data.get("base_model") if info.card_data else ""
    if refusal := refusal_of(sizes, base if isinstance(base, str) else "") or tokenizer_refusal(sizes):
        _refuse(model, *refusal)
    names = [name for name in sizes if _is_text(name)]
    for name in names:
        if sizes[name] > _LARGEST_TEXT:
            _refuse(model, f"its {name} has {sizes[name] / 1e6:,.0f} MB.", "Choose another model.")
    if weights:
        shards = [WEIGHTS]
        if WEIGHTS not in sizes and INDEX in sizes and sizes[INDEX] <= _LARGEST_INDEX:
            index = hf_hub_download(model, INDEX, revision=info.sha, token=token, cache_dir=cache)
            shards = sorted(shard_names(Path(index), model))
            names.append(INDEX)
        if missing := [name for name in shards if name not in sizes]:
            why = f"it has no {missing[0]}, and weights in pickle files are never loaded."
            _refuse(model, why, "Choose a model with .safetensors files.")
        _require_room(model, sizes, shards, cache)
        names += shards
    patterns = [escape(name) for name in names]
    return Path(snapshot_download(model, revision=info.sha, allow_patterns=patterns, token=token, cache_dir=cache))


def shard_names(index: Path, model: str) -> set[str]:
    """The files that a model's index of weights names.

    Raises:
        UserError: it is no such index, or one of them is not a file beside it.
    """
    try:
        if index.stat().st_size > _LARGEST_INDEX:
            raise ValueError("too large")
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        plain = all(isinstance(name, str) and Path(name).name == name for name in named)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        plain = False
    if not plain:
        _refuse(model, f"its {index.name} is damaged.", "Download or save the model again, or choose another.")
    return named


def _is_text(name: str) -> bool:
    folder, _, last = name.rpartition("/")
    if folder:
        return folder == "additional_chat_templates" and last.endswith(".jinja")
    return not name.endswith(".py") and (name.startswith(_TEXTS) or name.endswith(_SUFFIXES))


def _require_room(model: str, sizes: Mapping[str, int], shards: Iterable[str], cache: str | None) -> None:
    from huggingface_hub import constants

    place = Path(cache or constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(each for each in (place, *place.parents) if each.exists())).free
    needed = sum(sizes[name] for name in shards)
    if needed > free and _cached(model) is None:
        why = f"its weights have {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free here."
        _refuse(model, why, "Make room, or choose a smaller model.")


def _cached(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(model, "config.json", cache_dir=hosting.hub_cache())
    except HFValidationError:
        return None
    return Path(config).parent if isinstance(config, str) else None


def _refusal(model: str, error: Exception) -> UserError:
    from huggingface_hub.errors import HfHubHTTPError

    sign_in = "This page reads models that everybody can read." if hosting.hosted() else "For a private or gated one: "
    sign_in += "" if hosting.hosted() else "`hf auth login` with an account that may read it."
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if status in (401, 403, 404):
        why = "the Hub has no such model, or does not show it to you."
        return UserError(f"the model {model}", why, f"Check the name. {sign_in}")
    why = f"the Hub refused (HTTP {status})." if status else "the connection to the Hub broke."
    return UserError(f"the model {model}", why, "Try again: the download goes on where it was.")


def _refuse(model: str, why: str, todo: str) -> NoReturn:
    raise UserError(f"the model {model}", why, todo)
