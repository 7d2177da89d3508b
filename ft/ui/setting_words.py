"""Each field of TrainConfig in plain words, in the groups and the order of the Train tab."""

from __future__ import annotations

from dataclasses import dataclass

METHODS = (("4-bit base (QLoRA)", "qlora"), ("Base as it is (LoRA)", "lora"))
SCHEDULES = (("Falls as a cosine", "cosine"), ("Falls in a line", "linear"), ("Stays the same", "constant"))
OVERLONG = (("Cut after a reply that fits", "cut"), ("Leave it out", "drop"), ("Refuse to start", "refuse"))
VARIANTS = (("Plain (LoRA)", "lora"), ("For high ranks (rsLoRA)", "rslora"), ("In two parts (DoRA)", "dora"))
TRACKERS = (("None", "none"), ("TensorBoard", "tensorboard"), ("Trackio", "trackio"), ("Weights & Biases", "wandb"))
CHECKPOINTING = (("Automatic", "auto"), ("Nothing", "off"), ("What is cheap", "light"), ("Whole layers", "full"))
STARTS = (("Small (PEFT's)", "default"), ("Larger (Gaussian)", "gaussian"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One control: the field's name, its question in plain words, and under it the term, the usual range and why."""

    name: str
    label: str
    term: str
    usual: str
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def info(self) -> str:
        return f"**{self.term}** · {self.usual}"


GROUPS: tuple[tuple[str, tuple[Setting, ...]], ...] = (
    (
        "How fast it learns",
        (
            Setting(
                "learning_rate",
                "How much the model may change in a step",
                "learning rate",
                "usual 1e-4 to 3e-4 for 7B and larger, 5e-4 to 1.5e-3 for small models. An adapter takes about ten "
                "times the rate of full fine-tuning; models are pretrained with peaks near 3e-4 (7B) to 3e-3 (135M). "
                "Too high: the loss jumps; too low: it barely falls",
            ),
            Setting(
                "schedule",
                "How that falls over the run",
                "learning rate schedule",
                "cosine is the usual choice; QLoRA's authors kept it constant",
                SCHEDULES,
            ),
            Setting(
                "warmup_ratio",
                "Share of the run spent warming up",
                "warmup ratio",
                "usual 0.03 to 0.1: the rate rises from 0, so that the first steps do no harm",
            ),
            Setting(
                "weight_decay",
                "Pull of the new weights towards zero",
                "weight decay",
                "usual 0 to 0.1; a little of it against learning small data by heart",
            ),
        ),
    ),
    (
        "How long it learns",
        (
            Setting(
                "epochs",
                "Times it reads every conversation",
                "epochs",
                "usual 1 to 3; up to 5 for small data. When validation loss rises again, it was too many",
            ),
            Setting("max_steps", "End after this many steps", "max steps", "0: as many as the epochs need"),
            Setting(
                "early_stopping_patience",
                "End after so many validations without progress",
                "early stopping patience",
                "usual 2 to 3; 0 turns it off",
            ),
        ),
    ),
    (
        "What learns",
        (
            Setting(
                "method",
                "How the base model is held in memory",
                "method",
                "4-bit takes a quarter of the memory at nearly the same quality",
                METHODS,
            ),
            Setting(
                "trained_layers",
                "Layers that learn",
                "trained layers",
                "all, or a number: only the last N, the rest stay frozen. Fewer for small data",
            ),
            Setting(
                "lora_rank",
                "Size of what is learned",
                "LoRA rank",
                "usual 8 to 64: larger holds more, and learns small data by heart sooner",
            ),
            Setting("lora_alpha", "Weight of what is learned", "LoRA alpha", "usual once or twice the rank"),
            Setting(
                "lora_dropout",
                "Share left out at random while learning",
                "LoRA dropout",
                "usual 0.05 to 0.1; less for large models",
            ),
        ),
    ),
    (
        "How much at once",
        (
            Setting(
                "batch_size",
                "Conversations at once",
                "batch size",
                "usual 1 to 16: as many as memory holds",
            ),
            Setting(
                "gradient_accumulation",
                "Batches in one step",
                "gradient accumulation",
                "usual 1 to 16: as a larger batch, for the memory of a small one",
            ),
            Setting(
                "max_length",
                "Longest conversation",
                "max length, tokens",
                "usual 512 to 4096: memory and time grow with it. The plan says how many are longer",
            ),
            Setting("overlong", "What becomes of longer ones", "over-long", "cutting keeps the first turns", OVERLONG),
            Setting(
                "gpus",
                "Which GPUs share each step",
                "GPUs",
                "none chosen: any that is free. Several learn the same, each from its share of a step's conversations",
            ),
        ),
    ),
)
EXPERT_GROUPS: tuple[tuple[str, tuple[Setting, ...]], ...] = (
    (
        "Against learning by heart",
        (
            Setting(
                "neftune_noise_alpha",
                "Noise on what it reads while it learns",
                "NEFTune noise alpha",
                "usual 5 to 15; 0 turns it off. Made replies longer and better in its authors' tests on small data",
            ),
            Setting(
                "label_smoothing",
                "Doubt about the right word",
                "label smoothing",
                "usual 0 to 0.1: the model may be less sure of each word. On a GPU a step takes longer with it",
            ),
        ),
    ),
    (
        "The adapter",
        (
            Setting(
                "lora_variant",
                "Kind of adapter",
                "LoRA variant",
                "plain is the usual choice; rsLoRA lets ranks of 64 and more count; DoRA learns length and direction "
                "of weights apart, which can help at low ranks and takes longer",
                VARIANTS,
            ),
            Setting(
                "lora_init",
                "Random numbers it begins with",
                "LoRA initialisation",
                "PEFT's is the usual choice; Gaussian is the LoRA paper's. Either way it begins as the base model",
                STARTS,
            ),
            Setting(
                "seed",
                "Number that makes chance repeatable",
                "seed",
                "the same seed gives the same run on the same machine",
            ),
        ),
    ),
    (
        "The steps",
        (
            Setting(
                "adam_beta2",
                "Memory for how large the steps were",
                "Adam beta2",
                "usual 0.95 to 0.999, which QLoRA's authors used",
            ),
            Setting(
                "max_grad_norm",
                "Longest step that is believed",
                "max gradient norm",
                "usual 0.3 to 1: one odd batch cannot throw the model off",
            ),
            Setting(
                "checkpointing",
                "What is computed twice to save memory",
                "gradient checkpointing",
                "automatic is off on a CPU and full on a GPU. Cheap parts cost a tenth to a sixth of the speed, all a "
                "third. Try two steps says what is needed",
                CHECKPOINTING,
            ),
            Setting(
                "probes",
                "Questions asked before, during and after",
                "probe prompts",
                "usual 3: openings of held-out conversations, answered as the model learns. 0: none",
            ),
            Setting("eval_steps", "Steps between validations", "eval steps", "0: four times an epoch; each takes time"),
            Setting("save_steps", "Steps between checkpoints", "save steps", "0: at every validation"),
            Setting(
                "tracker",
                "Tell an experiment tracker too",
                "tracker",
                "none is usual: the charts are here. Its package must be installed",
                TRACKERS,
            ),
        ),
    ),
)
SETTINGS: tuple[Setting, ...] = tuple(setting for _, group in (*GROUPS, *EXPERT_GROUPS) for setting in group)
