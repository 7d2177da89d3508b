"""A conversation as the model will see it: token by token, which are learnt, which are read only, which are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from formats.conversation import Conversation
from ft.template.render import Renderer
from ft.template.rendered import Rendered, fit

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Kind = Literal["trained", "context", "cut"]
SHOWN = 4_000  # tokens of a conversation that are shown, of all its samples: more than anybody reads
_HALF = "\ufffd"


@dataclass(frozen=True, slots=True)
class Piece:
    """One token, or the few that make up one character. `special`: a token of the template, not of the text.

    `sample` counts from 0: where a conversation becomes several samples, their pieces follow each other.
    """

    text: str
    ids: tuple[int, ...]
    kind: Kind
    special: bool
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Microscope:
    """The tokens of one conversation, and what becomes of them at `max_length`.

    `pieces` are the first `shown` tokens (SHOWN at most); the numbers are those of all.

    `samples`: how many rows of tokens training makes of it, more than one where the chat template rewrites earlier
    turns; `tokens`, `trained` and `cut` are those of all of them. `ends`: of each turn that is learnt, whether the
    token that ends it is learnt too. `lost_turns` counts those that are cut off; `dropped` says that nothing of the
    conversation is left. `remarks`: what the chat template has no place for, in a sentence each.
    """

    pieces: tuple[Piece, ...]
    samples: int
    tokens: int
    trained: int
    cut: int
    max_length: int
    ends: tuple[bool, ...]
    lost_turns: int
    dropped: bool
    remarks: tuple[str, ...] = ()

    @property
    def shown(self) -> int:
        return sum(len(piece.ids) for piece in self.pieces)


def look(conversation: Conversation, renderer: Renderer, max_length: int, overlong: str = "cut") -> Microscope:
    """The conversation as `ft.train.data.prepare` hands it to the trainer, and what it leaves out.

    `overlong` is that of `ft.config.TrainConfig`.

    Raises:
        UserError: the chat template cannot write it.
    """
    samples = renderer.samples(conversation)
    special = renderer.special_tokens()
    pieces: list[Piece] = []
    ends: list[bool] = []
    trained = cut = 0
    room = SHOWN
    fitted = fit(samples, max_length, overlong)
    for number, (sample, left) in enumerate(zip(samples, fitted, strict=True)):
        kept = len(left.input_ids) if left else 0
        start = sample.input_ids[:room]
        room -= len(start)
        kinds = [_kind(place, kept, sample) for place in range(len(start))]
        pieces += _pieces(start, kinds, renderer.tokenizer, special, number)
        trained += sum(sample.trained[1:kept])
        cut += len(sample.input_ids) - kept
        ends += [
            sample.trained[span.end - 1] and sample.input_ids[span.end - 1] in special
            for span in (left.spans if left else ())
        ]
    return Microscope(
        pieces=tuple(pieces),
        samples=len(samples),
        tokens=sum(len(sample.input_ids) for sample in samples),
        trained=trained,
        cut=cut,
        max_length=max_length,
        ends=tuple(ends),
        lost_turns=sum(len(sample.spans) for sample in samples) - len(ends),
        dropped=not any(fitted),
        remarks=tuple(renderer.remarks(conversation)),
    )


def _kind(place: int, kept: int, rendered: Rendered) -> Kind:
    if place >= kept:
        return "cut"
    # The first token has no token before it to be predicted from.
    return "trained" if place and rendered.trained[place] else "context"


def _pieces(
    ids: list[int], kinds: list[Kind], tokenizer: PreTrainedTokenizerBase, special: set[int], sample: int
) -> list[Piece]:
    pieces = []
    start = 0
    for place, token in enumerate(ids):
        text = str(tokenizer.decode(ids[start : place + 1]))
        whole = _HALF not in text or place + 1 - start > 8
        if whole or token in special or place + 1 == len(ids) or kinds[place + 1] != kinds[place]:
            pieces.append(Piece(text, tuple(ids[start : place + 1]), kinds[place], token in special, sample))
            start = place + 1
    return pieces
