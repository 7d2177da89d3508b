"""What to change in the next run, drawn from the curves of one that has ended; nothing where they say nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ft import presets
from ft.config import TrainConfig
from ft.figures import count, loss
from ft.models import facts
from ft.models.facts import ModelFacts
from ft.models.learning_rate import rate_above, rate_below
from ft.runs.curves import Curves, smoothed, window

# Losses are in nats a token: 0.1 makes a reply's tokens 10% likelier or less likely.
SPREAD = 0.12  # how far the change of one conversation's loss between two validations strays from that of all
RISE = 0.05  # a smaller rise of validation loss is what one more epoch at a falling rate may give either way
JUMP = 0.5  # batches differ by less, once averaged; up by this much and by half of what was gained is no chance
FALLING = 0.1  # a validation loss that falls by less an epoch gains less than the next epoch may cost in over-fitting
MOVED = 0.05  # a base that has learnt anything at all gains more in its first steps
GAP = 0.5  # dropout alone puts validation below training, and two halves of one dataset differ by less
FEW = 200  # conversations: "under a few hundred" is what the preset for small data is for
FEW_STEPS = 10  # a shorter run is a trial, and says nothing about its settings
NOTED = 0.05  # a margin that is smaller than any difference that is acted on need not be told
HIGHEST_RATE = 3e-3  # three times this is more than what any model here learns at


@dataclass(frozen=True, slots=True)
class Change:
    """What to set for the next run: settings as `TrainConfig.with_settings` takes them, and `words` for a button."""

    settings: dict[str, Any]
    words: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` for a script, `text` with the numbers that it is drawn from, and the change that follows, if any."""

    code: str
    text: str
    change: Change | None = None

    def as_json(self) -> dict[str, Any]:
        """{"code", "text", "settings": {name: new value}, "change": in words}; null where nothing is to be changed."""
        settings, words = (self.change.settings, self.change.words) if self.change else (None, None)
        return {"code": self.code, "text": self.text, "settings": settings, "change": words}


def margin(held_out: int) -> float:
    """Under what difference two validation losses of the same `held_out` conversations may be chance.

    Two standard errors of the mean change of that many. On the sample with the default model the change of one
    conversation's loss strayed by 0.05 to 0.12 (22 conversations, a validation every 3 steps, past the first ones).
    """
    return 2 * SPREAD / math.sqrt(held_out) if held_out else math.inf


def advise(curves: Curves, config: TrainConfig, figures: dict[str, Any]) -> tuple[Finding, ...]:
    """The findings on a run with these curves and settings; none while it is going.

    `figures` are those of `ft.runs.status.summary`. Never two that contradict
    each other: to learn less and to learn more.
    """
    if figures["status"] == "failed":
        newest = curves.told[-1]
        return (_broken(newest, config),) if "diverged" in str(newest.get("why")) else ()
    if figures["status"] not in ("finished", "stopped"):
        return ()
    seen = _Seen(curves, figures["status"] == "finished")
    few = [found] if (found := _none_held_out(seen) or _few_held_out(seen)) else []
    if diverged := _diverged(seen, config):
        return (diverged, *few)
    less = [found for found in (_over_fitting(seen, config), _too_little_data(seen, config)) if found]
    more = None if less else _under_training(seen, config) or _barely_moved(seen, config)
    return (*less, *([more] if more else ()), *few)


class _Seen:
    """The figures of the curves that the findings are drawn from."""

    def __init__(self, curves: Curves, whole: bool) -> None:
        training = curves.points("loss")
        over = window(len(training)) or 5
        self.whole = whole  # it was not cut short by a person
        self.steps = curves.steps
        self.first = training[:3]
        self.level = smoothed(training, over)[over - 1 :]  # only of whole windows
        self.validations = curves.validations()
        self.curves = curves
        data: dict[str, Any] = next((e for e in reversed(curves.told) if e["kind"] == "data"), {})
        self.conversations, self.held_out = data.get("train") or 0, data.get("validation") or 0
        self.margin = margin(self.held_out)

    def training_at(self, step: int) -> float | None:
        """The smoothed training loss at `step`, or the first that there is."""
        if not self.level:
            return None
        return next((value for at, value in reversed(self.level) if at <= step), self.level[0][1])

    def fell_after(self, step: int) -> float:
        """By how much the smoothed training loss fell from `step` to the end."""
        begun = self.training_at(step)
        return begun - self.level[-1][1] if begun is not None else 0.0

    def epoch(self, step: int) -> float:
        return self.curves.epoch(step) or 0.0

    @property
    def ends(self) -> tuple[float, float]:
        """The smoothed training loss at the beginning and at the end; there is one."""
        return self.level[0][1], self.level[-1][1]


def _broken(event: dict[str, Any], config: TrainConfig) -> Finding:
    what = str(event.get("why")).partition(": the model diverged")[0]
    text = f"At {event.get('given')} {what}: the steps were too large."
    return Finding("diverged", text, _slower(config))


def _diverged(seen: _Seen, config: TrainConfig) -> Finding | None:
    if seen.steps < FEW_STEPS or not seen.level:
        return None
    step, lowest = min(seen.level, key=lambda each: each[1])
    begun, last = max(value for _, value in seen.first), seen.level[-1][1]
    if last - lowest <= max(JUMP, (begun - lowest) / 2):
        return None
    down, end = loss(lowest), loss(last)
    text = f"Training loss was down to {down} by step {step:,} and ended at {end}: the steps were too large."
    return Finding("diverged", text, _slower(config))


def _over_fitting(seen: _Seen, config: TrainConfig) -> Finding | None:
    if len(seen.validations) < 2:
        return None
    best, last = min(seen.validations, key=itemgetter("loss")), seen.validations[-1]
    fell = seen.fell_after(best["step"])
    if last["loss"] - best["loss"] <= max(RISE, seen.margin) or fell <= RISE:
        return None
    when = f"step {best['step']:,} (epoch {seen.epoch(best['step']):.1f})" if best["step"] else "the very start"
    text = (
        f"Validation loss rose after {when}, from {loss(best['loss'])} to {loss(last['loss'])}, while training loss "
        f"fell by {fell:.2f}: from there on it learnt its conversations by heart (over-fitting)."
    )
    return Finding("over-fitting", text, _shorter(seen, best["step"], last["step"], config))


def _shorter(seen: _Seen, best: int, last: int, config: TrainConfig) -> Change:
    """Up to where it was best; where that is no epoch or the end already, slower."""
    if config.max_steps:
        return _change(config, "max_steps", best) if 0 < best < last else _rate(config, config.learning_rate / 2)
    epochs = math.ceil(seen.epoch(best) * 2) / 2
    if 1 <= epochs < min(config.epochs, seen.epoch(last)):
        return _change(config, "epochs", epochs)
    return _rate(config, config.learning_rate / 2)


def _too_little_data(seen: _Seen, config: TrainConfig) -> Finding | None:
    after = [each for each in seen.validations if each["step"] >= FEW_STEPS]
    if not 0 < seen.conversations < FEW or not after or not seen.level:
        return None
    gaps = [(each["step"], each["loss"] - (seen.training_at(each["step"]) or 0.0)) for each in after]
    before = next((each["loss"] for each in seen.validations if not each["step"]), None)
    # Held-out conversations that were harder from the beginning are no sign of anything.
    harder = before - max(loss for _, loss in seen.first) if before is not None else 0.0
    early, gap = gaps[0]
    if early > seen.steps / 2 or min(gap, gaps[-1][1]) - max(0.0, harder) <= GAP:
        return None
    text = (
        f"{count(seen.conversations, 'conversation')} to learn from are few: at step {early:,} already, loss on "
        f"held-out ones was {gap:.2f} above that on trained ones. More conversations help most; fewer trained layers "
        "and a lower rank leave less room to learn them by heart."
    )
    return Finding("too-little-data", text, _smaller(config))


def _smaller(config: TrainConfig) -> Change | None:
    """What the preset for small data sets, where the run did not learn with that little already."""
    recipe = presets.preset("small-data").config
    if config.trained_layers != "all" and config.lora_rank <= recipe.lora_rank:
        return None
    names = ("trained_layers", "lora_rank", "lora_alpha", "lora_dropout")
    words = f"only the last {recipe.trained_layers} layers, LoRA rank {recipe.lora_rank}"
    return Change({name: getattr(recipe, name) for name in names}, words)


def _under_training(seen: _Seen, config: TrainConfig) -> Finding | None:
    lately = seen.validations[-3:]
    if not seen.whole or seen.steps < FEW_STEPS or len(lately) < 3:
        return None
    losses = [each["loss"] for each in lately]
    passed = seen.epoch(lately[-1]["step"]) - seen.epoch(lately[0]["step"])
    fell = losses[0] - losses[-1]
    if losses != sorted(losses, reverse=True) or fell <= seen.margin or passed <= 0 or fell / passed <= FALLING:
        return None
    text = (
        f"Validation loss was still falling at the end, from {loss(losses[0])} at step {lately[0]['step']:,} to "
        f"{loss(losses[-1])} at step {lately[-1]['step']:,} ({fell / passed:.2f} an epoch): it had not learnt all it "
        "can."
    )
    if config.max_steps:
        return Finding("under-training", text, _change(config, "max_steps", config.max_steps * 2))
    more = min(100.0, max(config.epochs + 1, round(config.epochs * 3) / 2))
    return Finding("under-training", text, _change(config, "epochs", more) if more > config.epochs else None)


def _barely_moved(seen: _Seen, config: TrainConfig) -> Finding | None:
    if not seen.whole or seen.steps < FEW_STEPS or not seen.level or abs(seen.fell_after(0)) > MOVED:
        return None
    losses = [each["loss"] for each in seen.validations]
    if losses and abs(losses[0] - min(losses[1:], default=losses[0])) > MOVED:
        return None
    which, begun, last = ("Validation", losses[0], losses[-1]) if losses else ("Training", *seen.ends)
    text = f"{which} loss barely moved, from {loss(begun)} to {loss(last)}: it learnt next to nothing."
    if config.learning_rate > HIGHEST_RATE:
        return Finding("barely-moved", text + " The learning rate is high already: look at what the data teaches.")
    return Finding("barely-moved", text, _rate(config, rate_above(_known(config), config.learning_rate)))


def _none_held_out(seen: _Seen) -> Finding | None:
    if not seen.conversations or seen.held_out:
        return None
    return Finding(
        "none-held-out",
        "No conversation was held out, so this run cannot say whether the model got better on unseen ones. To hold "
        "some out, make the dataset again from its files, with a share held out (on the Data tab, or with "
        "`sidetune convert --held-out`).",
    )


def _few_held_out(seen: _Seen) -> Finding | None:
    if len(seen.validations) < 2 or not seen.held_out or seen.margin <= NOTED:
        return None
    text = f"{count(seen.held_out, 'held-out conversation')} are few: differences in validation loss under "
    return Finding("few-held-out", text + f"{seen.margin:.2f} may be chance. Hold more out to see smaller ones.")


def _change(config: TrainConfig, name: str, value: float) -> Change:
    words = name.replace("_", " ")
    return Change({name: value}, f"{words} {value:g} instead of {getattr(config, name):g}")


def _slower(config: TrainConfig) -> Change:
    return _rate(config, rate_below(_known(config), config.learning_rate))


def _known(config: TrainConfig) -> ModelFacts | None:
    return facts.of(config.model, ask_hub=False)


def _rate(config: TrainConfig, rate: float) -> Change:
    return _change(config, "learning_rate", float(f"{min(1.0, rate):.1e}"))
