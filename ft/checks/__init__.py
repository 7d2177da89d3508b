"""Checks of a dataset: what a person should know of it before training, and the changes that put it right."""
