"""The tokenizer that was saved beside an adapter, held against the base model's of today."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ft import hosting
from ft.errors import UserError
from ft.models import catalogue

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TEMPLATE, _TOKENS = "chat_template.jinja", "tokenizer.json"


def require_same(tokenizer: PreTrainedTokenizerBase, saved: Path, model: str) -> None:
    """Raise UserError where the `tokenizer` of base model `model` writes conversations otherwise than the one saved in
    the folder `saved`, with which the adapter there was trained: by its chat template or its vocabulary.

    Of what the folder does not hold nothing is said.
    """
    template = tokenizer.chat_template
    template = template.get("default") if isinstance(template, dict) else template
    if (saved / _TEMPLATE).is_file() and (saved / _TEMPLATE).read_bytes().decode(errors="replace") != template:
        _refuse("chat template", _TEMPLATE, saved, model)
    if (saved / _TOKENS).is_file():
        vocabulary = _vocabulary(saved / _TOKENS)
        if vocabulary is None:
            raise UserError(
                f"the tokenizer that was saved with the adapter (in {saved.name})",
                "it cannot be read, so nothing tells whether the base model's is still the one of the training.",
                f"Delete {saved / _TOKENS} to go on without that check, or train again."
                if not hosting.hosted()
                else "Train again.",
            )
        if vocabulary != tokenizer.get_vocab():
            _refuse("tokenizer", _TOKENS, saved, model)


def _vocabulary(file: Path) -> dict[str, int] | None:
    """Each token with its id; None where the file cannot be read as a tokenizer."""
    from transformers import PreTrainedTokenizerFast

    try:
        return PreTrainedTokenizerFast(tokenizer_file=str(file)).get_vocab()
    except MemoryError:
        raise
    except Exception:  # the tokenizers' library raises nothing narrower
        return None


def _refuse(what: str, name: str, saved: Path, model: str) -> None:
    source = catalogue.resolve(model)
    back = ""
    if source.where == "folder" and not hosting.hosted():
        back = f"Copy {saved / name}, the one of that time, into {source.name}; or train again."
    raise UserError(
        f"the {what} of {model}",
        "it has changed since the adapter was trained, which would now be asked in a way that it never learnt.",
        back or "Train again with the model as it is now.",
    )
