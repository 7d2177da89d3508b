"""Training: from a run directory to an adapter, in a process of its own."""
