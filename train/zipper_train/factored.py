"""Speech ids are five digits: rows of a table share what their digits share. Training only; a plain matrix on export."""
import torch
from torch import nn
from torch.nn.utils import parametrize

from .model import CODES
from .quantizer import LEVELS


class AddDigits(nn.Module):
    """rows [vocabulary, width] + the sum of one vector for each digit of the id."""

    def __init__(self, vocabulary: int, width: int, std: float):
        super().__init__()
        hot = torch.zeros(vocabulary, sum(LEVELS))
        ids, at = torch.arange(CODES), 0
        for level in LEVELS:
            hot[ids, at + ids % level if at == 0 else at + ids // (5 ** (at // 5)) % level] = 1
            at += level
        self.register_buffer("hot", hot, persistent=False)
        self.digits = nn.Parameter(torch.randn(sum(LEVELS), width) * std)

    def forward(self, rows):
        return rows + self.hot @ self.digits


def factor(tower) -> None:
    """Makes a speech tower's embedding and head factored."""
    spec = tower.spec
    tower.embedding.weight.data.mul_(0.3)
    tower.head.weight.data.mul_(0.3)
    parametrize.register_parametrization(tower.embedding, "weight", AddDigits(spec.vocabulary, spec.width, 0.2))
    parametrize.register_parametrization(tower.head, "weight", AddDigits(spec.vocabulary, spec.width, 0.02))
