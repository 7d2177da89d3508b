"""What a training run is asked to do, as one frozen value that refuses unknown keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from ft.errors import UserError

DEFAULT_MODEL = "smollm2-135m-instruct"
MOST_STEPS = 10_000_000
_NOT_A_NUMBER = ("int_parsing", "int_type", "int_from_float", "float_parsing", "float_type")


class TrainConfig(BaseModel):
    """Every setting of a run. The names are those of `sidetune train --set name=value`.

    What was added later has a default, with which a run of an earlier version reads as what it did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        DEFAULT_MODEL,
        min_length=1,
        max_length=4096,
        description="base model: the default's name, a local folder or a Hub id",
    )
    method: Literal["qlora", "lora"] = Field(
        "qlora", description="qlora: frozen base in 4-bit NF4; lora: frozen base as it is"
    )
    trained_layers: Literal["all"] | Annotated[int, Field(ge=1, le=10_000)] = Field(
        "all", description="all, or a number: only the last N layers get an adapter"
    )
    lora_rank: int = Field(16, ge=1, le=512, description="rank of the adapter's matrices")
    lora_alpha: int = Field(32, ge=1, le=1024, description="scale of the adapter: alpha / rank")
    lora_dropout: float = Field(0.05, ge=0, lt=1, description="share of the adapter's inputs dropped at random")
    lora_variant: Literal["lora", "rslora", "dora"] = Field(
        "lora",
        description="lora; rslora: scaled by alpha / sqrt(rank); dora: the length of weights is learned apart",
    )
    lora_init: Literal["default", "gaussian"] = Field(
        "default", description="the adapter's random start; default: PEFT's; gaussian: that of the LoRA paper, larger"
    )
    learning_rate: float = Field(2e-4, gt=0, le=1, description="how much the adapter may change in a step")
    schedule: Literal["constant", "linear", "cosine"] = Field("cosine", description="how the learning rate falls")
    warmup_ratio: float = Field(0.03, ge=0, le=1, description="share of the steps over which the learning rate rises")
    weight_decay: float = Field(0.0, ge=0, le=1, description="pull of the adapter's weights towards zero")
    adam_beta2: float = Field(0.999, gt=0, lt=1, description="how long Adam remembers how large the gradients were")
    max_grad_norm: float = Field(0.3, gt=0, le=100, description="a longer gradient is shortened to this")
    neftune_noise_alpha: float = Field(
        0.0, ge=0, le=100, description="NEFTune: noise on the embeddings while training; 0: none"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the training target spread over all tokens; 0: none"
    )
    epochs: float = Field(3, gt=0, le=100, description="passes over the training conversations")
    max_steps: int = Field(
        0, ge=0, le=MOST_STEPS, description="end after this many steps; 0: as many as the epochs need"
    )
    batch_size: int = Field(4, ge=1, le=1024, description="conversations that go through the model at once")
    gradient_accumulation: int = Field(1, ge=1, le=1024, description="batches that make up one step")
    checkpointing: Literal["auto", "off", "light", "full"] = Field(
        "auto",
        description="what is computed twice to save memory: off; light: what is cheap; full: whole layers; "
        "auto: full on a GPU, off on a CPU",
    )
    max_length: int = Field(512, ge=16, le=1_000_000, description="longest conversation, in tokens")
    overlong: Literal["cut", "drop", "refuse"] = Field(
        "cut", description="a longer conversation is cut at a turn boundary, dropped, or refused"
    )
    eval_steps: int = Field(0, ge=0, le=MOST_STEPS, description="steps between validations; 0: four times an epoch")
    save_steps: int = Field(0, ge=0, le=MOST_STEPS, description="steps between checkpoints; 0: at every validation")
    early_stopping_patience: int = Field(
        3, ge=0, le=MOST_STEPS, description="validations without improvement before the run ends; 0: off"
    )
    probes: int = Field(
        3,
        ge=0,
        le=16,
        description="held-out questions that are asked before, during and after training; 0: none",
    )
    gpus: str = Field(
        "",
        pattern=r"^([A-Za-z0-9-]+(,[A-Za-z0-9-]+)*)?$",
        description="GPUs that share each step, as 0,1 (numbers of nvidia-smi); empty: any one that is free",
    )
    tracker: Literal["none", "tensorboard", "trackio", "wandb"] = Field(
        "none", description="experiment tracker that is told too; its package must be installed"
    )
    seed: int = Field(42, ge=0, le=2**32 - 1, description="seed of the order of the data and of the adapter's start")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool):  # pydantic would read true as 1
            raise PydanticCustomError("truth", "it is true or false, which no setting is")
        return value

    def with_settings(self, settings: Mapping[str, Any]) -> TrainConfig:
        """This config with `settings` changed; text is read as the field's type.

        Raises:
            UserError: a name is unknown or a value does not fit.
        """
        try:
            return TrainConfig.model_validate({**self.model_dump(), **settings})
        except ValidationError as error:
            errors = error.errors()
            name = str(errors[0]["loc"][0]) if errors[0]["loc"] else "settings"
            if errors[0]["type"] == "extra_forbidden":
                raise UserError(
                    f"setting {name!r}",
                    "there is no such setting.",
                    f"Use one of: {', '.join(TrainConfig.model_fields)}.",
                ) from error
            # A field of two types gives an error for each: the last one is about the number.
            last = [each for each in errors if each["loc"][:1] == (name,)][-1]
            raise UserError(
                f"{name} = {_shown(settings.get(name, last.get('input')))}",
                f"{_refusal(last['type'], last.get('ctx', {}), last['msg'])}.",
                f"{name} is: {TrainConfig.model_fields[name].description}.",
            ) from error


def gpus_of(config: TrainConfig) -> list[str]:
    """The GPUs that share each step; none where it is the first alone, or the CPU."""
    return list(dict.fromkeys(config.gpus.split(","))) if config.gpus else []


def shares_evenly(config: TrainConfig, processes: int) -> bool:
    """Whether a step's conversations can be divided among so many processes."""
    return config.batch_size * config.gradient_accumulation % processes == 0


def require_even_share(config: TrainConfig, processes: int) -> None:
    """Raise UserError where a step's conversations cannot be divided among so many processes."""
    if not shares_evenly(config, processes):
        rows = config.batch_size * config.gradient_accumulation
        raise UserError(
            f"{processes} processes",
            f"a step has {rows} conversations (batch size {config.batch_size} times gradient accumulation "
            f"{config.gradient_accumulation}), which {processes} cannot share evenly.",
            f"Choose a number of GPUs that divides {rows}, or a step of {-(-rows // processes) * processes}.",
        )


def require_layers(config: TrainConfig, layers: int) -> None:
    """Raise UserError where more layers are to be trained than the `layers` that a model has."""
    if config.trained_layers != "all" and config.trained_layers > layers:
        raise UserError(
            f"trained_layers = {config.trained_layers}",
            f"this model has {layers} layers.",
            f"Use a number from 1 to {layers}, or all.",
        )


def checkpointing_on(device: Literal["cuda", "cpu"], mode: str) -> str:
    """What "auto" is on that kind of device; any other mode is itself."""
    return mode if mode != "auto" else "full" if device == "cuda" else "off"


def length_within(config: TrainConfig, positions: int) -> int:
    """The maximum length of `config`, and no more than the tokens that a model reads (0: not known)."""
    return max(16, min(config.max_length, positions or config.max_length))


def require_positions(config: TrainConfig, positions: int) -> None:
    """Raise UserError where conversations may be longer than the tokens that a model reads (0: not known)."""
    if positions and config.max_length > positions:
        raise UserError(
            f"max_length = {config.max_length}",
            f"this model reads at most {positions:,} tokens.",
            f"Use a number from 16 to {positions}: longer conversations are cut at the end of a reply.",
        )


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # more digits than Python writes
        return "a number without end"
    return text if len(text) <= 80 else text[:77] + "..."


def _refusal(kind: str, limits: Mapping[str, Any], message: str) -> str:
    """Why pydantic refuses a value, in plain words; `message` is its own, for what is rare."""
    if kind in _NOT_A_NUMBER:
        return "it is not a whole number" if kind.startswith("int") else "it is not a number"
    words = {
        "greater_than": "it must be more than {gt}",
        "greater_than_equal": "it must be at least {ge}",
        "less_than": "it must be less than {lt}",
        "less_than_equal": "it must be at most {le}",
        "literal_error": "it must be one of {expected}",
        "string_pattern_mismatch": "it must be numbers with commas between them",
    }
    return words[kind].format(**limits) if kind in words else message.lower()
