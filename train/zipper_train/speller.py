"""The speller: encoder states to letters (CTC at 50 Hz), and the features that recognition hears beside the speech token.

Two things rest on it: the zip reads its features through the speech tower, and joint decoding (`joint.py`) weighs each sub-word
by what the letters say. Graves et al. 2006 (CTC); blocks as in `quantizer.py`.
"""
import torch
from torch import nn

from .quantizer import ConvBlock
from .text import CHARACTERS

WIDTH, HIDDEN, BLOCKS, STATES = 384, 768, 4, 512
DROPOUT = 0.2  # without it the training clips are learnt by heart after 900 steps
CLASSES = 1 + len(CHARACTERS)  # class 0 is the blank


class Speller(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(STATES))
        self.register_buffer("deviation", torch.ones(STATES))
        self.enter = nn.Linear(2 * STATES, WIDTH)
        self.blocks = nn.ModuleList(ConvBlock(WIDTH, HIDDEN, DROPOUT) for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-5)
        self.spell = nn.Linear(WIDTH, 2 * CLASSES)

    def whiten(self, pairs):
        """pairs [..., tokens, 2, 512] to [..., tokens, 1024]."""
        return ((pairs - self.mean) / self.deviation).flatten(-2)

    def features(self, white, mask):
        """white [batch, tokens, 1024], mask [batch, tokens, 1]; returns [batch, tokens, 384], 25 Hz."""
        x = self.enter(white)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def letters(self, features):
        """Logits of the letters at 50 Hz: [batch, tokens, 384] to [batch, 2 tokens, 29]."""
        return self.spell(features).unflatten(-1, (2, CLASSES)).flatten(1, 2)
