"""What a person takes away of a run."""
