"""Sidetune below its user interface: datasets, templates, models, runs, training and chat."""
