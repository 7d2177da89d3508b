"""A conversation as the model will see it: token by token, which are learnt, which are read only, which are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from formats.conversation import Conversation
from ft.template.render import Rendered, Renderer, cut_to

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Kind = Literal["trained", "context", "cut"]
_HALF = "\ufffd"


@dataclass(frozen=True, slots=True)
class Piece:
    """One token, or the few that make up one character. `special`: a token of the template, not of the text."""

    text: str
    ids: tuple[int, ...]
    kind: Kind
    special: bool


@dataclass(frozen=True, slots=True)
class Microscope:
    """The tokens of one conversation, and what becomes of them at `max_length`.

    `ends`: of each assistant turn that is learnt, whether the token that ends it is learnt too. `lost_turns` counts the
    assistant turns that are cut off; `dropped` says that nothing of the conversation is left.
    """

    pieces: tuple[Piece, ...]
    tokens: int
    trained: int
    cut: int
    max_length: int
    ends: tuple[bool, ...]
    lost_turns: int
    dropped: bool


def look(conversation: Conversation, renderer: Renderer, max_length: int, overlong: str = "cut") -> Microscope:
    """The conversation as `ft.train.data.prepare` hands it to the trainer, and what it leaves out.

    `overlong` is that of `ft.config.TrainConfig`: where it is not "cut", nothing is left of one that is too long.

    Raises:
        UserError: the chat template cannot write it.
    """
    rendered = renderer.render(conversation)
    fits = len(rendered.input_ids) <= max_length
    fitted = cut_to(rendered, max_length) if fits or overlong == "cut" else None
    kept = len(fitted.input_ids) if fitted else 0
    kinds = [_kind(place, kept, rendered) for place in range(len(rendered.input_ids))]
    special = renderer.special_tokens()
    pieces = tuple(_pieces(rendered.input_ids, kinds, renderer.tokenizer, special))
    spans = [span for span in rendered.spans if conversation.messages[span.message].train]
    return Microscope(
        pieces=pieces,
        tokens=len(rendered.input_ids),
        trained=sum(kind == "trained" for kind in kinds),
        cut=len(rendered.input_ids) - kept,
        max_length=max_length,
        ends=tuple(
            rendered.trained[span.end - 1] and rendered.input_ids[span.end - 1] in special
            for span in spans
            if span.end <= kept
        ),
        lost_turns=sum(span.end > kept for span in rendered.spans),
        dropped=kept == 0,
    )


def _kind(place: int, kept: int, rendered: Rendered) -> Kind:
    if place >= kept:
        return "cut"
    # The first token has no token before it to be predicted from.
    return "trained" if place and rendered.trained[place] else "context"


def _pieces(ids: list[int], kinds: list[Kind], tokenizer: PreTrainedTokenizerBase, special: set[int]) -> list[Piece]:
    pieces = []
    start = 0
    for place, token in enumerate(ids):
        text = str(tokenizer.decode(ids[start : place + 1]))
        whole = _HALF not in text or place + 1 - start > 8
        if whole or token in special or place + 1 == len(ids) or kinds[place + 1] != kinds[place]:
            pieces.append(Piece(text, tuple(ids[start : place + 1]), kinds[place], token in special))
            start = place + 1
    return pieces
