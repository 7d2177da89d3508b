"""From a conversation to tokens and the loss mask."""
