"""Load a base model and its tokenizer: NF4 under QLoRA, plain under LoRA, each as the device does it best."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft import hosting
from ft.errors import UserError
from ft.models import catalogue, device, embedded, hub
from ft.models.device import Device
from ft.models.folder import check_causal, check_weights, tokenizer_folder
from ft.models.hardware import computing_on
from ft.models.libraries import import_libraries
from ft.models.memory import out_of_memory
from ft.models.other_kinds import NO_TOKENIZER

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Progress = Callable[[str], None]
_log = logging.getLogger("sidetune")
_AGAIN = "Save or download it again, or choose another model with safetensors."


@dataclass(frozen=True, slots=True)
class Loaded:
    """A base model in eval mode, its tokenizer, the precision of its matrix products ("nf4 in float32"), and what it is
    computed on."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    title: str
    precision: str
    device: Device


def load_tokenizer(model: str, progress: Progress | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer of `model` (see `catalogue.resolve`), with a pad token and a chat template.

    Raises:
        UserError: the model cannot be found or reached, or has no chat template.
    """
    return read_tokenizer(place(model, progress, weights=False), model)


def read_tokenizer(folder: Path, model: str) -> PreTrainedTokenizerBase:
    """The tokenizer in `folder`, as `load_tokenizer` gives it; `model` is its name in refusals."""
    import_libraries()
    from transformers import AutoTokenizer

    with tokenizer_folder(folder) as clean:
        tokenizer = _load(model, AutoTokenizer.from_pretrained, clean, what="its tokenizer", todo=NO_TOKENIZER)
    # Where the file of its vocabulary is missing, transformers makes a tokenizer that knows no text.
    if not set(tokenizer.get_vocab()) - {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}:
        raise UserError(f"the model {model}", "its tokenizer has no vocabulary.", NO_TOKENIZER)
    if not tokenizer.chat_template:
        raise UserError(
            f"the model {model}",
            "its tokenizer has no chat template, so it is not known how a conversation is written for it.",
            "Choose the chat or instruct version of the model, or add a chat_template.jinja to its folder.",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_base(model: str, method: str, progress: Progress | None = None, dtype: torch.dtype | None = None) -> Loaded:
    """Load the base model that `method` ("qlora" | "lora") trains on, to compute in `dtype`.

    Where `dtype` is not given it is `device.gpu_dtype()` on CUDA and float32 on a CPU.

    qlora: bitsandbytes NF4 with double quantisation (Dettmers et al. 2023, arXiv 2305.14314); on a CPU the 4-bit
    weights are then dequantised once into plain layers, which gives the same logits several times faster.
    lora: the weights as they are, in `dtype`.

    Raises:
        UserError: the model cannot be found, reached or used for this, or does not fit into memory; or torch cannot use
            the GPU.
    """
    import_libraries()
    here = computing_on(device.describe())
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

    tokenizer = load_tokenizer(model, progress)
    source = catalogue.resolve(model)
    folder = place(model, progress, weights=True)
    check_weights(folder, model, _again(source.where, folder))
    config = _load(model, AutoConfig.from_pretrained, folder)
    check_causal(config.architectures, model, bool(getattr(config, "auto_map", None)))
    # A config.json may name a package of the Hub to compute attention with, and a file with other weights.
    config._attn_implementation = config._experts_implementation = config.transformers_weights = None
    if getattr(config, "quantization_config", None) is not None and method == "qlora":
        raise UserError(
            f"the model {model}",
            "it is quantised already, so it cannot be quantised to NF4 for QLoRA.",
            "Choose the original model, or the method LoRA.",
        )
    cuda = torch.cuda.is_available()
    dtype = dtype or (device.gpu_dtype() if cuda else torch.float32)
    where = torch.cuda.current_device() if cuda else "cpu"  # of several processes each has a GPU of its own
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True, "device_map": {"": where}, "config": config}
    if method == "qlora":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    if progress:
        progress("Loading the base model" + (" in 4-bit NF4" if method == "qlora" else ""))
    base = _load(model, AutoModelForCausalLM.from_pretrained, folder, **options)
    if source.where == "hub":
        base.name_or_path = source.name  # what an adapter says it was made for
    if method == "qlora" and not cuda:
        dequantise_linear(base)
    base.eval()
    precision = ("nf4 in " if method == "qlora" else "") + str(dtype).removeprefix("torch.")
    return Loaded(base, tokenizer, source.title, precision, here)


def dequantise_linear(model: PreTrainedModel) -> None:
    """Replace each bitsandbytes 4-bit layer of `model`, in place, by a plain Linear with the dequantised weights.

    The values stay those of NF4: a test asserts that the logits are the same to the bit in float32.
    """
    import bitsandbytes as bnb
    from bitsandbytes.functional import dequantize_4bit
    from torch import nn

    for name, layer in list(model.named_modules()):
        if not isinstance(layer, bnb.nn.Linear4bit):
            continue
        packed: Any = layer.weight
        weight = dequantize_4bit(packed.data, packed.quant_state).to(layer.compute_dtype)
        plain = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        plain.weight = nn.Parameter(weight.reshape(layer.out_features, layer.in_features), requires_grad=False)
        if layer.bias is not None:
            plain.bias = nn.Parameter(layer.bias.data, requires_grad=False)
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, plain)
    # The model is no longer quantised, and PEFT and TRL must not treat it as if it were (TRL casts LoRA to bf16 then).
    for mark in ("is_loaded_in_4bit", "is_quantized", "hf_quantizer", "quantization_method"):
        if mark in model.__dict__:
            delattr(model, mark)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def place(model: str, progress: Progress | None, weights: bool) -> Path:
    """The folder of `model` (see `catalogue.resolve`), fetched where it is not here: with its `weights`, or without.

    Raises:
        UserError: the model cannot be found, reached or used.
    """
    source = catalogue.resolve(model)
    if source.where == "embedded":
        return embedded.ensure(progress)
    if source.where == "folder":
        return Path(source.name)
    if progress:
        progress(f"Looking for {source.name} on the Hugging Face Hub")
    return hub.fetch(source.name, weights)


def _again(where: str, folder: Path) -> str:
    """What to do about a damaged file ("{file}") of weights in `folder`."""
    if where == "folder":
        return "Copy or download that file again."
    if hosting.hosted():
        return "Whoever runs this page can have it fetched again; or choose another model."
    torn = folder if where == "embedded" else "{file}"
    return f"Delete {torn} and try again: it is fetched again. Else choose another model."


def _load(
    model: str, load: Callable[..., Any], folder: Path, *, what: str = "it", todo: str = _AGAIN, **options: Any
) -> Any:
    """Call a `from_pretrained`, with what it can raise for a person's model turned into a UserError.

    `what` could not be loaded is then said, and `todo`.

    Damaged files raise whatever the library trips over, and the tokenizers' library raises plain `Exception`.
    """
    try:
        return load(str(folder), trust_remote_code=False, local_files_only=True, **options)
    except (RuntimeError, MemoryError) as error:
        # transformers hides why a weight could not be quantised, but in the log. Mostly memory ran out.
        hidden = "automatic conversion of the weights" in str(error)
        if "ismatch" in str(error):
            raise UserError(
                f"the model {model}", "its weights are not those that its config.json describes.", _AGAIN
            ) from error
        if not hidden and not out_of_memory(error):
            raise
        raise UserError(
            f"the model {model}",
            "some of its weights could not be quantised (memory may have run out; the log says more)."
            if hidden
            else "it does not fit into the memory that is free here.",
            "Choose a smaller model, or QLoRA instead of LoRA; or end what else uses the memory.",
        ) from error
    except Exception as error:
        _log.warning("The model %s: %s could not be loaded", model, what, exc_info=True)
        lines = str(error).strip().splitlines()
        # What it says may be out of a file of the machine's, which is not for strangers.
        first = type(error).__name__ if hosting.hosted() or not lines else lines[0][:300]
        raise UserError(
            f"the model {model}",
            f"{what} could not be loaded: {first.rstrip('.:, ')}.",
            f"Its files may be damaged, or of a kind that is not known here. {todo}",
        ) from error
