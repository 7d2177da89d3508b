"""The Hugging Face Hub: whether it answers, and what to do with a model of it where it does not."""

from __future__ import annotations

from typing import Any

from ft.errors import UserError


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


def loading_options(model: str) -> dict[str, Any]:
    """What `from_pretrained` must be told for the Hub model `model`, so that it does not wait for a Hub that is away.

    Raises:
        UserError: the Hub cannot be reached and the model is not in its cache.
    """
    from huggingface_hub import try_to_load_from_cache

    if reachable():
        return {}
    if isinstance(try_to_load_from_cache(model, "config.json"), str):
        return {"local_files_only": True}
    raise UserError(
        f"the model {model}",
        "it is not on this machine, and the Hugging Face Hub cannot be reached.",
        "Check the name and the connection, or choose the default model or a folder on this machine.",
    )
