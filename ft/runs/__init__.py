"""Run directories: the only place where the state of a training run lives."""
