"""How far the acoustic decoder's channels are from what the teacher's decoder reads."""
import math

import torch
import torch.nn.functional as F

from .decoder import CONTENT, ENERGY, PITCH, VOICED

LOUDNESS_OF_CONTENT = 10.0  # brings the content channels (typically 0.1) to the size of the rest
THRESHOLD = math.log(1 + 40) / 5  # pitch channel at 40 Hz: voiced above


def targets_of(found, targets) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pads clips' targets to found's frames: features [batch, frames, 130], inside [batch, frames] (1 or 0), symbols [batch, frames]."""
    features, inside = torch.zeros(*found.shape[:2], CONTENT + 2), torch.zeros(found.shape[:2])
    symbols = torch.zeros(found.shape[:2], dtype=torch.long)
    for row, mark, said, target in zip(features, inside, symbols, targets):
        n = min(len(target.features), len(row))
        row[:n], mark[:n] = torch.from_numpy(target.features[:n]).float(), 1
        said[:n] = torch.from_numpy(target.symbols[:n])
    return features, inside, symbols


def mean(values, inside):
    """Mean over the frames inside."""
    return (values * inside).sum() / inside.sum().clamp(min=1)


def channel_loss(found, features, inside) -> tuple[torch.Tensor, dict]:
    """found [batch, frames, 131] against features [batch, frames, 130]; the loss and what it consists of."""
    voiced = (features[..., PITCH] > THRESHOLD).float() * inside
    content = mean((found[..., :CONTENT] - features[..., :CONTENT]).abs().mean(-1), inside) * LOUDNESS_OF_CONTENT
    pitch = mean((found[..., PITCH] - features[..., PITCH]).abs(), voiced)
    energy = mean((found[..., ENERGY] - features[..., ENERGY]).abs(), inside)
    voicing = mean(F.binary_cross_entropy_with_logits(found[..., VOICED], voiced, reduction="none"), inside)
    wrong = mean(((found[..., VOICED] > 0) != (voiced > 0)).float(), inside)
    report = {"content": content.item(), "pitch": pitch.item(), "energy": energy.item(), "voicing": voicing.item(), "wrong": wrong.item()}
    return content + 4 * pitch + 0.5 * energy + 0.5 * voicing, report


def symbol_loss(logits, symbols, inside) -> tuple[torch.Tensor, float]:
    """Cross-entropy of the symbol said in each frame, and the share that is right."""
    known = inside > 0
    return F.cross_entropy(logits[known].float(), symbols[known]), (logits[known].argmax(-1) == symbols[known]).float().mean().item()
