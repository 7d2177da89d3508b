"""Load a base model and its tokenizer: NF4 under QLoRA, plain under LoRA, each as the device does it best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ft.errors import UserError
from ft.models import catalogue, device, embedded, hub
from ft.models.libraries import import_libraries
from ft.models.memory import out_of_memory

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A base model in eval mode, its tokenizer, and the precision of its matrix products ("nf4 in float32")."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    title: str
    precision: str


def load_tokenizer(model: str, progress: Progress | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer of `model` (see `catalogue.resolve`), with a pad token and a chat template.

    Raises:
        UserError: the model cannot be found or reached, or has no chat template.
    """
    import_libraries()
    from transformers import AutoTokenizer

    tokenizer = _fetch(model, AutoTokenizer.from_pretrained, *_place(model, progress))
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
        UserError: the model cannot be found, reached or used for this, or does not fit into memory.
    """
    import_libraries()
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

    tokenizer = load_tokenizer(model, progress)
    place = _place(model, progress)
    config = _fetch(model, AutoConfig.from_pretrained, *place)
    catalogue.check_causal(config.architectures or [], model)
    if getattr(config, "quantization_config", None) is not None and method == "qlora":
        raise UserError(
            f"the model {model}",
            "it is quantised already, so it cannot be quantised to NF4 for QLoRA.",
            "Choose the original model, or the method LoRA.",
        )
    cuda = torch.cuda.is_available()
    dtype = dtype or (device.gpu_dtype() if cuda else torch.float32)
    where = torch.cuda.current_device() if cuda else "cpu"  # of several processes each has a GPU of its own
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True, "device_map": {"": where}}
    if method == "qlora":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    if progress:
        progress("Loading the base model" + (" in 4-bit NF4" if method == "qlora" else ""))
    base = _fetch(model, AutoModelForCausalLM.from_pretrained, *place, **options)
    if method == "qlora" and not cuda:
        dequantise_linear(base)
    base.eval()
    precision = ("nf4 in " if method == "qlora" else "") + str(dtype).removeprefix("torch.")
    return Loaded(base, tokenizer, catalogue.resolve(model).title, precision)


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


def _place(model: str, progress: Progress | None) -> tuple[str, dict[str, Any]]:
    """What `from_pretrained` takes for the model: a folder or a Hub id, and options."""
    source = catalogue.resolve(model)
    if source.where == "embedded":
        return str(embedded.ensure(progress)), {}
    if source.where == "folder":
        return source.name, {}
    if progress:
        progress(f"Looking for {source.name} on the Hugging Face Hub")
    return source.name, hub.loading_options(source.name)


def _fetch(model: str, load: Callable[..., Any], path: str, where: dict[str, Any], **options: Any) -> Any:
    """Call a `from_pretrained`, with what it can raise for a person's model turned into a UserError."""
    import httpx2

    try:
        return load(path, trust_remote_code=False, **where, **options)
    except (RuntimeError, MemoryError) as error:
        # transformers hides why a weight could not be quantised, but in the log. Mostly memory ran out.
        hidden = "automatic conversion of the weights" in str(error)
        if not hidden and not out_of_memory(error):
            raise
        raise UserError(
            f"the model {model}",
            "some of its weights could not be quantised (memory may have run out; the log says more)."
            if hidden
            else "it does not fit into the memory that is free here.",
            "Choose a smaller model, or QLoRA instead of LoRA; or end what else uses the memory.",
        ) from error
    except (OSError, ValueError, ImportError, KeyError, httpx2.HTTPError) as error:
        first = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
        raise UserError(
            f"the model {model}",
            f"it could not be loaded: {first}",
            "Check the name, the connection to the Hugging Face Hub (and `hf auth login` for a gated model), "
            "or choose a local folder with safetensors.",
        ) from error
