"""Keras' files: what they say as models and weights of ours, and ours as files that Keras opens."""
