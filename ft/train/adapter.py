"""From a TrainConfig to the adapter that is trained: which layers get one, and how it begins."""

from __future__ import annotations

import torch
from peft import LoraConfig
from transformers import PreTrainedModel

from ft.config import TrainConfig, require_layers


def lora_config(config: TrainConfig, model: PreTrainedModel) -> LoraConfig:
    """LoRA on all linear layers but the head (QLoRA, arXiv 2305.14314), or on those of the last `trained_layers`.

    rslora: Kalajdzievski 2023, arXiv 2312.03732. dora: Liu et al. 2024, arXiv 2402.09353. gaussian: Hu et al. 2021,
    arXiv 2106.09685. PEFT's other ways to begin are not offered: PiSSA and OLoRA change the base's own weights, so that
    there would be no base to compare with; orthogonal fails on 4-bit weights; EVA does not end where conversations are
    shorter than the rank.

    Raises:
        UserError: more layers were asked for than the model has.
    """
    layers: list[int] | None = None
    targets: str | list[str] = "all-linear"
    if config.trained_layers != "all":
        count = model.config.get_text_config().num_hidden_layers
        require_layers(config, count)
        layers = list(range(count - config.trained_layers, count))
        targets = _linear_names(model)  # PEFT takes layer numbers only together with names
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        use_rslora=config.lora_variant == "rslora",
        use_dora=config.lora_variant == "dora",
        init_lora_weights="gaussian" if config.lora_init == "gaussian" else True,
        target_modules=targets,
        layers_to_transform=layers,
        bias="none",
        task_type="CAUSAL_LM",
    )


def _linear_names(model: PreTrainedModel) -> list[str]:
    """The names that the model's linear layers have within a block, without the head."""
    head = model.get_output_embeddings()
    linear = (name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and layer is not head)
    return sorted({name.rpartition(".")[2] for name in linear})
