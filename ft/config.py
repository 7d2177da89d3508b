"""What a training run is asked to do, as one frozen value that refuses unknown keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ft.errors import UserError

DEFAULT_MODEL = "smollm2-135m-instruct"


class TrainConfig(BaseModel):
    """Every setting of a run. The names are those of `sidetune train --set name=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        DEFAULT_MODEL, min_length=1, description="base model: the default's name, a local folder or a Hub id"
    )
    method: Literal["qlora", "lora"] = Field(
        "qlora", description="qlora: frozen base in 4-bit NF4; lora: frozen base as it is"
    )
    trained_layers: Literal["all"] | int = Field(
        "all", description="all, or a number: only the last N layers get an adapter"
    )
    lora_rank: int = Field(16, ge=1, le=512, description="rank of the adapter's matrices")
    lora_alpha: int = Field(32, ge=1, le=1024, description="scale of the adapter: alpha / rank")
    lora_dropout: float = Field(0.05, ge=0, lt=1, description="share of the adapter's inputs dropped at random")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="how much the adapter may change in a step")
    schedule: Literal["constant", "linear", "cosine"] = Field("cosine", description="how the learning rate falls")
    warmup_ratio: float = Field(0.03, ge=0, le=1, description="share of the steps over which the learning rate rises")
    weight_decay: float = Field(0.0, ge=0, le=1, description="pull of the adapter's weights towards zero")
    epochs: float = Field(3, gt=0, le=100, description="passes over the training conversations")
    max_steps: int = Field(0, ge=0, description="end after this many steps; 0: as many as the epochs need")
    batch_size: int = Field(4, ge=1, le=1024, description="conversations that go through the model at once")
    gradient_accumulation: int = Field(1, ge=1, le=1024, description="batches that make up one step")
    max_length: int = Field(512, ge=16, le=1_000_000, description="longest conversation, in tokens")
    overlong: Literal["cut", "drop", "refuse"] = Field(
        "cut", description="a longer conversation is cut at a turn boundary, dropped, or refused"
    )
    validation_fraction: float = Field(
        0.1, ge=0, le=0.5, description="share of conversations held out, when a dataset is built"
    )
    eval_steps: int = Field(0, ge=0, description="steps between validations; 0: four times an epoch")
    save_steps: int = Field(0, ge=0, description="steps between checkpoints; 0: at every validation")
    early_stopping_patience: int = Field(
        3, ge=0, description="validations without improvement before the run ends; 0: off"
    )
    seed: int = Field(42, ge=0, description="seed of the order of the data and of the adapter's start")

    def with_settings(self, settings: Mapping[str, Any]) -> TrainConfig:
        """This config with `settings` changed; text is read as the field's type.

        Raises:
            UserError: a name is unknown or a value does not fit.
        """
        try:
            return TrainConfig.model_validate({**self.model_dump(), **settings})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "settings"
            if first["type"] == "extra_forbidden":
                raise UserError(
                    f"setting {name!r}",
                    "there is no such setting.",
                    f"Use one of: {', '.join(TrainConfig.model_fields)}.",
                ) from error
            raise UserError(
                f"{name} = {settings.get(name, first.get('input'))!r}",
                f"{first['msg'].lower()}.",
                f"{name} is: {TrainConfig.model_fields[name].description}.",
            ) from error
