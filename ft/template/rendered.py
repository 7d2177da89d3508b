"""What training takes of a conversation: token ids, the loss mask, and where the assistant's turns lie."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens [start, end) that the model writes in one turn; `message` is the place among the messages.

    `start` is where the prompt for the turn ends, and `end` is behind the token that ends the turn.
    """

    start: int
    end: int
    message: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """One sample. `trained[i]` says whether token i carries loss; `spans` are the assistant's turns that do."""

    input_ids: list[int]
    trained: list[bool]
    spans: tuple[Span, ...]


def cut_to(rendered: Rendered, max_length: int) -> Rendered | None:
    """The longest start of `rendered` that ends with a whole assistant turn and has at most `max_length` tokens.

    None where not even the first assistant turn fits.
    """
    if len(rendered.input_ids) <= max_length:
        return rendered
    spans = tuple(span for span in rendered.spans if span.end <= max_length)
    if not spans:
        return None
    end = spans[-1].end
    return Rendered(rendered.input_ids[:end], rendered.trained[:end], spans)


def fit(samples: list[Rendered], max_length: int, overlong: str) -> list[Rendered | None]:
    """What is left of each sample of one conversation at `max_length` tokens, None where nothing is.

    `overlong` is that of `ft.config.TrainConfig`: where it is not "cut", nothing is left of a conversation one of whose
    samples is too long.
    """
    if overlong != "cut" and any(len(sample.input_ids) > max_length for sample in samples):
        return [None] * len(samples)
    return [cut_to(sample, max_length) for sample in samples]


def joined(before: Rendered, turn: Rendered) -> Rendered | None:
    """`before` with the later `turn` in the same sample; None where what was written in `before` is not what the prompt
    of `turn` shows of it, so that one row of tokens cannot stand for both.

    What a template writes behind the last turn alone (Phi-3: the token that ends the text) may differ.
    """
    (span,) = turn.spans
    same = before.spans[-1].end
    if same > span.start or before.input_ids[:same] != turn.input_ids[:same]:
        return None
    start = turn.trained.index(True)
    while same < min(len(before.input_ids), start) and before.input_ids[same] == turn.input_ids[same]:
        same += 1
    trained = before.trained[:same] + turn.trained[same:]
    return Rendered(turn.input_ids, trained, (*before.spans, span))
