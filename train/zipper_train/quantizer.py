"""Speech tokens: whitened 25 Hz encoder states through a small network into finite scalar quantization (FSQ).

Mentzer et al. 2023 (arXiv 2309.15505). LEVELS per dimension are odd, so that the code is a plain rounding.
"""
import torch
import torch.nn.functional as F
from torch import nn

from .text import CHARACTERS

LEVELS = (5, 5, 5, 5, 5)  # 3125 codes
CODES = 5**5
WIDTH, HIDDEN, STATES = 384, 768, 512


class ConvBlock(nn.Module):
    """ConvNeXt block: depthwise convolution over 7 frames, LayerNorm, GELU MLP, residual."""

    def __init__(self, width: int = WIDTH, hidden: int = HIDDEN, dropout: float = 0.0):
        super().__init__()
        self.dropout = dropout
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x, mask):
        """x [batch, time, width], mask [batch, time, 1] (1: inside the clip)."""
        y = self.depthwise((x * mask).transpose(1, 2)).transpose(1, 2)
        drop = lambda z: F.dropout(z, self.dropout, self.training)
        return x + drop(self.down(drop(F.gelu(self.up(self.norm(y))))))


class Quantizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(STATES))
        self.register_buffer("deviation", torch.ones(STATES))
        self.enter = nn.Linear(STATES, WIDTH)
        self.pre = nn.ModuleList(ConvBlock() for _ in range(2))
        self.pre_norm = nn.LayerNorm(WIDTH, eps=1e-5)
        self.to_code = nn.Linear(WIDTH, len(LEVELS))
        self.from_code = nn.Linear(len(LEVELS), WIDTH)
        self.post = nn.ModuleList(ConvBlock() for _ in range(2))
        self.post_norm = nn.LayerNorm(WIDTH, eps=1e-5)
        self.to_states = nn.Linear(WIDTH, STATES)
        self.spell_features = nn.Linear(WIDTH, 1 + len(CHARACTERS))  # CTC on the unquantized features
        self.spell_codes = nn.Linear(WIDTH, 1 + len(CHARACTERS))  # CTC after the quantizer
        self.register_buffer("reach", torch.tensor([(n - 1) / 2 for n in LEVELS]))
        self.register_buffer("radix", torch.tensor([5**i for i in range(len(LEVELS))]))

    def whiten(self, states):
        return (states - self.mean) / self.deviation

    def features(self, white, mask):
        """Whitened states [batch, time, 512] to features [batch, time, 384]: also what recognition hears beside the token."""
        x = self.enter(white)
        for block in self.pre:
            x = block(x, mask)
        return self.pre_norm(x)

    def digits(self, features):
        """Features to code digits in -2..2, [batch, time, 5]; the gradient passes the rounding straight through."""
        z = torch.tanh(self.to_code(features).float()) * self.reach
        return z + (z.round() - z).detach()

    def pack(self, digits):
        """Digits to token ids: sum of (digit + 2) * 5**i."""
        return ((digits.round() + self.reach).long() * self.radix).sum(-1)

    def unpack(self, ids):
        return (ids[..., None] // self.radix % torch.tensor(LEVELS)).float() - self.reach

    def rebuild(self, digits, mask):
        """Digits to post-network features [batch, time, 384]."""
        x = self.from_code(digits / self.reach)
        for block in self.post:
            x = block(x, mask)
        return self.post_norm(x)
