"""Shipped checkpoints: weights as safetensors, each with a card. No pickle.

`list_checkpoints` and `card` are torch-free; `load`, `load_weights`, `verify` and `train` import
torch when they are called.
"""

from engine.checkpoints.cards import Card
from engine.checkpoints.loading import load, load_weights
from engine.checkpoints.shelf import card, list_checkpoints
from engine.checkpoints.training import train
from engine.checkpoints.verifying import verify

__all__ = ["Card", "card", "list_checkpoints", "load", "load_weights", "train", "verify"]
