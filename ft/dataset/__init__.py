"""Datasets on disk: versions, how one is built, and how it is split."""
