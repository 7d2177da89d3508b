"""The base model and the tuned model, answering the same prompt together."""
