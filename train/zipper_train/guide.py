"""Where attention ought to look, from forced alignment: a window of source positions for every target position."""
import numpy as np
import torch

from . import gguf_tower


def frames_of_tokens(sample) -> np.ndarray | None:
    """For each sub-word and the end: first and last speech position (START is 0) to look at, [sub-words + 1, 2].

    The speech tower is causal, so a word is known where it ends: the window lies about its last frame.
    """
    heard = sample.heard
    if heard[0] < 0:
        return None
    offsets = gguf_tower.tokenizer().encode(sample.text).offsets
    out, last = [], 0
    for a, b in offsets:  # characters of the text
        inside = np.flatnonzero((heard >= a) & (heard < b))
        last = inside[-1] if len(inside) else last
        out.append((last - 2, last + 4))
    n = len(heard)
    return np.minimum(np.array([*out, (n - 4, n)]).clip(0) + 1, n)


def characters_of_frames(sample) -> np.ndarray | None:
    """For each speech position (START predicts the first code) the window of spelled text positions, [tokens + 1, 2]."""
    heard = sample.heard
    if heard[0] < 0 or not sample.text.isascii():
        return None
    at = np.concatenate((heard, [len(sample.text)])) + 1  # text position 0 is the opening mark
    return np.stack((at - 1, at + 3), 1).clip(0, len(sample.text) + 1)


def guide_loss(weights, windows: list, heads: int) -> torch.Tensor:
    """-log of the attention inside each window, first `heads` heads. weights: log [batch, heads, targets, sources]."""
    rows, total = [], weights.sum() * 0
    inside = torch.zeros(weights.shape[0], weights.shape[2], weights.shape[3], dtype=torch.bool)
    known = torch.zeros(weights.shape[0], weights.shape[2], dtype=torch.bool)
    sources = torch.arange(weights.shape[3])
    for row, window in enumerate(windows):
        if window is None:
            continue
        w = torch.from_numpy(window[: weights.shape[2]])
        inside[row, : len(w)] = (sources >= w[:, :1]) & (sources <= w[:, 1:])
        known[row, : len(w)] = True
        rows.append(row)
    if not rows:
        return total
    mass = weights[:, :heads].masked_fill(~inside[:, None], -30.0).logsumexp(-1)  # [batch, heads, targets]
    return -(mass * known[:, None]).sum() / known.sum() / heads
