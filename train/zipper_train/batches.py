"""Batches of like length, in an order that a seed decides."""
import numpy as np
import torch


def batches(lengths: list[int], frames: int, seed: int) -> list[list[int]]:
    """Groups indices into batches of at most `frames` padded frames, shuffled; lengths are jittered so that batches vary."""
    rng = np.random.default_rng(seed)
    jitter = np.asarray(lengths) * rng.uniform(0.95, 1.05, len(lengths))
    out, batch, longest = [], [], 0
    for i in np.argsort(jitter):
        longest = max(longest, lengths[i])
        if batch and longest * (len(batch) + 1) > frames:
            out.append(batch)
            batch, longest = [], lengths[i]
        batch.append(int(i))
    if batch:
        out.append(batch)
    rng.shuffle(out)
    return out


def stack(arrays: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pads [time, width] arrays to [batch, time, width] float32; also the lengths [batch]."""
    lengths = torch.tensor([len(a) for a in arrays])
    out = torch.zeros(len(arrays), int(lengths.max()), arrays[0].shape[1])
    for row, a in zip(out, arrays):
        row[: len(a)] = torch.from_numpy(np.asarray(a, np.float32))
    return out, lengths
