"""Base models: which there are, where they come from, what this machine can do with them."""
