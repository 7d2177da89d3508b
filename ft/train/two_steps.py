"""Two real steps on the longest batch, and one batch validated: `python -m ft.train.two_steps`, a process of its own.

Its one argument is {"dataset", "config"} as JSON, and "parent" where it is to end with that process. It prints one line
of JSON: {"peak_bytes", "tokens_per_second", "validation_tokens_per_second", "batch_size"}. It exits with 3 where memory
ran out.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, set_seed

from ft.config import TrainConfig
from ft.dataset import versions
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models.libraries import import_libraries
from ft.models.load import load_base
from ft.models.memory import out_of_memory
from ft.train.assemble import put_adapter, trainer_for, training_dtype
from ft.train.batch import Batch
from ft.train.callbacks import peak_memory_bytes
from ft.train.rows import encode_longest
from ft.train.trial import OUT_OF_MEMORY
from ft.train.watch import end_unless

LOOKED_AT = 256  # conversations with the most text: the longest in tokens are among them


class _Stopwatch(TrainerCallback):
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._begun = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self._begun)


def measure(dataset: Version, config: TrainConfig) -> dict[str, Any]:
    """Take the two steps.

    Raises:
        UserError: the model or the dataset cannot be used.
        RuntimeError: among others, memory ran out.
    """
    import datasets

    import_libraries()
    set_seed(config.seed)
    loaded = load_base(config.model, config.method, dtype=training_dtype())
    rows = encode_longest(dataset, LOOKED_AT, config)
    if not len(rows):
        raise UserError(f"dataset {dataset.name!r}", "no conversation of it can be trained on.", "Press Check for why.")
    batch = rows.sort("length", reverse=True).select(range(min(config.batch_size, len(rows))))
    tokens = sum(batch["length"])
    watch = _Stopwatch()
    with tempfile.TemporaryDirectory(prefix="sidetune-trial-") as folder:
        trainer = trainer_for(
            put_adapter(loaded, config),
            loaded,
            config.with_settings({"tracker": "none"}),
            Batch(len(batch), 1),
            Path(folder),
            datasets.concatenate_datasets([batch, batch]),
            None,
            steps=2,
            eval_steps=2,
            validate_first=False,
            callbacks=[watch],
        )
        trainer.args.save_strategy = "no"
        trainer.train()
        begun = time.perf_counter()
        trainer.evaluate(batch)
        validated = time.perf_counter() - begun
    return {
        # What a GPU must have free is what torch has taken of it, more than its tensors need.
        "peak_bytes": torch.cuda.max_memory_reserved() if torch.cuda.is_available() else peak_memory_bytes(),
        "tokens_per_second": round(tokens / min(watch.seconds), 1),
        "validation_tokens_per_second": round(tokens / validated, 1),
        "batch_size": len(batch),
    }


def main() -> int:
    asked = json.loads(sys.argv[1])
    if "parent" in asked:
        end_unless(lambda: os.getppid() == asked["parent"])  # it holds the device's lock, and may be killed
    try:
        found = measure(versions.find(asked["dataset"]), TrainConfig(**asked["config"]))
    except UserError as error:
        found = {"error": {"given": error.given, "why": error.why, "todo": error.todo}}
    except (RuntimeError, MemoryError) as error:
        if out_of_memory(error):
            return OUT_OF_MEMORY
        raise
    print("\n" + json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
