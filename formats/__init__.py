"""Chat records as pure values: what a conversation is, and how the formats of the field turn into one.

No torch, no gradio, no network: this package can be used alone.
"""
