"""Keras' files: what they say as models and weights of ours, and ours as files that Keras opens."""

__all__: list[str] = []
