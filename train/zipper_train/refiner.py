"""The refiner: further blocks behind the speller, which read the states once more and correct its letters.

The features that the zip and the speech tokens rest on stay as they are. It reads the speller's last residual state and the encoder's states, and adds
to the speller's logits; it starts by adding nothing. Layout: docs/model.md, section 2.
"""
import torch
from torch import nn

from .paths import TRAIN
from .quantizer import ConvBlock
from .speller import CLASSES, STATES, WIDTH

CHECKPOINT = TRAIN / "refiner.pt"
HIDDEN, BLOCKS = 768, 6
DROPOUT = 0.15


class Refiner(nn.Module):
    def __init__(self, dropout: float = DROPOUT):
        super().__init__()
        self.enter = nn.Linear(2 * STATES, WIDTH)
        self.blocks = nn.ModuleList(ConvBlock(WIDTH, HIDDEN, dropout) for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-5)
        self.spell = nn.Linear(WIDTH, 2 * CLASSES)
        nn.init.zeros_(self.spell.weight)
        nn.init.zeros_(self.spell.bias)

    def forward(self, speller, white, mask):
        """white [batch, tokens, 1024], mask [batch, tokens, 1]; returns the speller's features [batch, tokens, 384] and logits [batch, 2 tokens, 29], 50 Hz."""
        with torch.no_grad():
            x = speller.residual(white, mask)
            features = speller.norm(x)
            first = speller.letters(features)
        y = x + self.enter(white)
        for block in self.blocks:
            y = block(y, mask)
        return features, first.float() + self.spell(self.norm(y)).float().unflatten(-1, (2, CLASSES)).flatten(1, 2)
