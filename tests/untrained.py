"""A run whose adapter was never trained, to talk to: as a worker leaves it, in a second."""

from __future__ import annotations

from pathlib import Path

from synthetic_runs import events_of, write

from ft.config import TrainConfig
from ft.runs.directory import Run


def write_untrained(home: Path, model: str, name: str = "good", dataset: str = "sample", hour: int = 0) -> Run:
    """A finished run of the model in that folder; its adapter is of random weights, so that the two models differ."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, set_seed

    run = write(home, name, events_of(lambda epoch: 4 - epoch, None, steps=20), TrainConfig(model=model), dataset, hour)
    set_seed(1)
    shape = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(model), shape).save_pretrained(run.adapter)
    return run
