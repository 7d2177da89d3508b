"""One base model in memory, adapters on it, and the base and the tuned reply written side by side."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from formats.conversation import Message
from ft.chat.checkpoints import BEST, adapter_path, find
from ft.chat.line import Line
from ft.chat.pair import Pair
from ft.chat.stream import Stream, divergence
from ft.errors import UserError
from ft.models.memory import give_back, out_of_memory
from ft.models.saved_tokenizer import require_same
from ft.runs import directory
from ft.runs.directory import Run
from ft.runs.status import caution

if TYPE_CHECKING:
    import torch

    from ft.chat.switch import Switch
    from ft.models.load import Loaded
    from ft.template.apart import Prompter

ADAPTERS = 4  # kept in memory beside the base; of more, the one used longest ago goes
HOTTEST = 2.0
COLDEST = 0.01  # below it the likeliest is drawn anyway, and scores divided by it may overflow
_YIELDS_PER_SECOND = 15


@dataclass(frozen=True, slots=True)
class Opened:
    """What the two panes are: titles for people; the run and the checkpoint ("best" or "checkpoint-N") behind them."""

    base_title: str
    tuned_title: str
    run: str
    checkpoint: str


class Engine:
    """Owns the models that chat. One reply is written at a time; whoever asks meanwhile waits its turn.

    All that computes runs in one thread, whoever asks: on a CPU, PyTorch has threads and buffers for each thread that
    computes (with 30 clients they took 500 MB), and Gradio may take each step of a reply in another one.
    """

    def __init__(self) -> None:
        self._line = Line()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sidetune-models")
        self._loaded: Loaded | None = None
        self._renderer: Prompter | None = None
        self._peft: Any = None
        self._switch: Switch | None = None
        self._key: tuple[str, str] | None = None
        self._adapters: dict[tuple[str, str, int], str] = {}
        self._probe: torch.Tensor | None = None
        self._longest_token = 0  # characters

    @property
    def busy(self) -> bool:
        """Whether somebody's models are being loaded or a reply is being written now, or is waited for."""
        return not self._line.empty

    def close(self) -> None:
        """Give the models' memory back."""
        with self._line.turn(None):
            self._thread.submit(self._close).result()

    def open(self, run_id: str, checkpoint: str = "", progress: Callable[[str], None] | None = None) -> Opened:
        """Load the run's base model (if it is not the one in memory) and put its adapter on it.

        Raises:
            UserError: there is no such run or checkpoint yet, or its base model cannot be loaded.
        """
        with self._line.turn(progress):
            return self._thread.submit(self._open, run_id, checkpoint, progress).result()

    def reply(
        self,
        run_id: str,
        base_messages: Sequence[Message],
        tuned_messages: Sequence[Message],
        *,
        checkpoint: str = "",
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        top_p: float = 0.9,
        seed: int = 0,
        progress: Callable[[str], None] | None = None,
    ) -> Iterator[Pair]:
        """Both replies to the two histories (system message first, if any), as they grow: about 15 pairs a second.

        Close the iterator to stop. At temperature 0 both are greedy; above it, both draw with the same seed. Who asks
        while others are answered is told by `progress`, twice a second, how many are before; what that raises ends the
        wait.

        Raises:
            UserError: the run cannot be opened, a history is longer than the model can read, or the temperature is no
                number from 0 to 2.
        """
        drawn: dict[str, Any] = {"temperature": _usable(temperature), "top_p": top_p, "seed": seed}
        histories = (base_messages, tuned_messages)
        written = self._written(run_id, checkpoint, histories, max_new_tokens, drawn, progress)
        with self._line.turn(progress):
            try:
                while (pair := self._thread.submit(next, written, None).result()) is not None:
                    yield pair
            finally:
                self._thread.submit(written.close)

    def _written(
        self,
        run_id: str,
        checkpoint: str,
        histories: tuple[Sequence[Message], Sequence[Message]],
        max_new_tokens: int,
        drawn: dict[str, Any],
        progress: Callable[[str], None] | None,
    ) -> Generator[Pair, None, None]:
        with self._within_memory():
            self._open(run_id, checkpoint, progress)
            assert self._loaded is not None and self._renderer is not None and self._switch is not None
            begun, warning = time.monotonic(), caution(directory.find(run_id))
            base_is_base = self._base_is_untouched()
            prompts = [self._prompt(messages, max_new_tokens) for messages in histories]
            stop_ids = self._stop_ids()
            base, tuned = (
                Stream(
                    self._loaded.tokenizer,
                    prompt,
                    stop_ids,
                    max_new_tokens=max_new_tokens,
                    model=self._loaded.model,
                    **drawn,
                )
                for prompt in prompts
            )
            kl = None
            shown = 0.0
            while not (base.reason and tuned.reason):
                if not base.reason:
                    with self._switch.off():
                        base.step(self._peft)
                tuned.step(self._peft)
                if kl is None and prompts[0] == prompts[1]:
                    kl = divergence(tuned.first_logits, base.first_logits)
                now = time.monotonic()
                if now - shown >= 1 / _YIELDS_PER_SECOND or (base.reason and tuned.reason):
                    shown = now
                    yield Pair(base.reply(), tuned.reply(), base_is_base, kl, now - begun, warning)

    def _open(self, run_id: str, checkpoint: str, progress: Callable[[str], None] | None) -> Opened:
        run, checkpoint = find(run_id, checkpoint)
        config = run.config.train
        with self._within_memory():
            if self._key != (config.model, config.method):
                self._close()
                self._load_base(config.model, config.method, progress)
            name = self._load_adapter(run, checkpoint, progress)
            self._peft.set_adapter(name, inference_mode=True)
            assert self._loaded is not None
            where = "best checkpoint" if checkpoint == BEST else checkpoint.replace("-", " ")
            return Opened(
                f"{self._loaded.title} ({self._loaded.precision})", f"{run.name}, {where}", run.id, checkpoint
            )

    def _close(self) -> None:
        if self._renderer:
            self._renderer.close()
        self._loaded = self._renderer = self._peft = self._switch = self._key = self._probe = None
        self._adapters = {}
        if "torch" in sys.modules:
            give_back()

    def _load_base(self, model: str, method: str, progress: Callable[[str], None] | None) -> None:
        # torch and transformers take seconds to import: not before somebody chats.
        from ft.models.load import load_base
        from ft.template.apart import Prompter

        self._loaded = load_base(model, method, progress)
        self._renderer = Prompter(model)
        self._longest_token = max(map(len, self._loaded.tokenizer.get_vocab()))
        self._probe = self._probe_logits(self._loaded.model)
        self._key = (model, method)  # last: what failed to load halfway is loaded anew

    def _load_adapter(self, run: Run, checkpoint: str, progress: Callable[[str], None] | None) -> str:
        from peft import PeftModel
        from safetensors import SafetensorError

        from ft.chat.switch import Switch

        path = adapter_path(*find(run.id, checkpoint))  # a run that goes on may have removed it meanwhile
        key = (run.id, checkpoint, (path / "adapter_model.safetensors").stat().st_mtime_ns)
        if key not in self._adapters:
            if progress:
                progress("Loading the adapter")
            assert self._loaded is not None
            name = f"{run.id}-{checkpoint}-{key[-1]}".replace(".", "-")  # a module's name holds no dot
            try:
                require_same(self._loaded.tokenizer, path, run.config.train.model)
                if self._peft is None:
                    self._peft = PeftModel.from_pretrained(self._loaded.model, path, adapter_name=name)
                else:
                    self._peft.load_adapter(path, adapter_name=name)
            except UserError:
                self._close()  # so that the base is read again once its files are what they were
                raise
            except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
                self._close()  # it may have been half put on
                raise UserError(
                    f"the adapter {path}",
                    f"it cannot be loaded: {(str(error) or type(error).__name__).splitlines()[0][:200]}",
                    "Choose another checkpoint, or train again.",
                ) from error
            self._peft.eval()
            self._switch = Switch(self._peft)
            self._adapters[key] = name
        self._adapters[key] = self._adapters.pop(key)  # now the last in order: used last
        while len(self._adapters) > ADAPTERS:
            self._peft.delete_adapter(self._adapters.pop(next(iter(self._adapters))))
        return self._adapters[key]

    @contextmanager
    def _within_memory(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            self._close()
            raise UserError(
                "the chat",
                "memory ran out.",
                "Clear it, ask for a shorter reply, or wait until what else uses the memory has ended.",
            ) from error

    def _probe_logits(self, model: Any) -> torch.Tensor:
        import torch

        assert self._renderer is not None
        ids = self._renderer.prompt([{"role": "user", "content": "Are you the base model?"}])
        with torch.inference_mode():
            return model(input_ids=torch.tensor([ids], device=model.device), logits_to_keep=1).logits[0, -1]

    def _base_is_untouched(self) -> bool:
        import torch

        assert self._switch is not None
        with self._switch.off():
            now = self._probe_logits(self._peft)
        assert self._probe is not None
        return torch.equal(now, self._probe)

    def _prompt(self, messages: Sequence[Message], max_new_tokens: int) -> list[int]:
        from ft.template.messages import prompt_for

        assert self._renderer is not None and self._loaded is not None
        limit = self._loaded.model.config.get_text_config().max_position_embeddings
        characters = sum(len(message.content) for message in messages)
        # To count the tokens of a book takes minutes, in which nobody else gets a reply.
        long = f"{characters:,} characters" if characters > limit * self._longest_token else ""
        if not long:
            ids = prompt_for(self._renderer, messages)
            if len(ids) + max_new_tokens <= limit:
                return ids
            long = f"{len(ids):,} tokens"
        raise UserError(
            f"this conversation ({long}) and a reply of up to {max_new_tokens}",
            f"the model reads at most {limit:,} tokens.",
            "Clear the chat and start again, or ask for a shorter reply.",
        )

    def _stop_ids(self) -> frozenset[int]:
        assert self._renderer is not None and self._loaded is not None
        config = self._loaded.model.generation_config.eos_token_id
        ids = set(config if isinstance(config, list) else [config])
        ids |= {self._loaded.tokenizer.eos_token_id, self._renderer.end_of_turn()}
        return frozenset(number for number in ids if number is not None)


def _usable(temperature: float) -> float:
    """The temperature, and 0 for one so low that nothing is left to chance.

    Raises:
        UserError: it is no number from 0 to `HOTTEST`.
    """
    if not 0 <= temperature <= HOTTEST:
        todo = f"Use 0 (always the likeliest) to {HOTTEST:g}."
        raise UserError(f"temperature = {temperature}", f"it is not from 0 to {HOTTEST:g}.", todo)
    return float(temperature) if temperature >= COLDEST else 0.0
