"""Speech tokens: the speller's features through one linear layer into finite scalar quantization (FSQ), 25 a second.

Mentzer et al. 2023 (arXiv 2309.15505). LEVELS per dimension are odd, so that the code is a plain rounding.
"""
import torch
import torch.nn.functional as F
from torch import nn

LEVELS = (5, 5, 5, 5, 5)  # 3125 codes
CODES = 5**5
FEATURES = 384


class ConvBlock(nn.Module):
    """ConvNeXt block: depthwise convolution over 7 frames, LayerNorm, GELU MLP, residual."""

    def __init__(self, width: int, hidden: int, dropout: float = 0.0):
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
        self.to_code = nn.Linear(FEATURES, len(LEVELS))
        self.register_buffer("reach", torch.tensor([(n - 1) / 2 for n in LEVELS]), persistent=False)
        self.register_buffer("radix", torch.tensor([5**i for i in range(len(LEVELS))]), persistent=False)

    def digits(self, features):
        """The speller's features [batch, time, 384] to code digits in -2..2, [batch, time, 5]; the gradient passes the rounding straight through."""
        z = torch.tanh(self.to_code(features).float()) * self.reach
        return z + (z.round() - z).detach()

    def pack(self, digits):
        """Digits to token ids: sum of (digit + 2) * 5**i."""
        return ((digits.round() + self.reach).long() * self.radix).sum(-1)

    def unpack(self, ids):
        return (ids[..., None] // self.radix % torch.tensor(LEVELS)).float() - self.reach
