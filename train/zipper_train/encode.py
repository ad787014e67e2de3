"""Encodes clips once: encoder states at 50 Hz, float16, in shards that a cut run leaves whole.

    python -m zipper_train.encode kathleen/train speechocean762/dev [--augment 1] [--seconds-a-batch 80]

Writes $ZIPPER_DATA/train/states/PART[+augN]/NNNN.npz with `ids`, `offsets` [clips + 1] in tokens (25 Hz), `states` [2 * tokens, 512].
"""
import argparse
import os
import time

import numpy as np
import torch

from .augment import augment
from .data import clips
from .encoder import RATE, Encoder, token_count
from .paths import TRAIN

SHARD = 128  # clips


def folder(part: str, variant: int = 0):
    return TRAIN / "states" / (part.replace("/", ".") + (f"+aug{variant}" if variant else ""))


def encode_shard(encoder, shard, seconds: float):
    """States of each clip, in order, without the silence after it; batches of like length hold about `seconds` of audio."""
    order = sorted(range(len(shard)), key=lambda i: len(shard[i].samples))
    out = [None] * len(shard)
    while order:
        longest, size = len(shard[order[-1]].samples) / RATE + 0.5, 0
        size = max(1, int(seconds / longest))
        batch, order = order[-size:], order[:-size]
        states = encoder.encode([shard[i].samples for i in batch])
        for i, s in zip(batch, states):
            out[i] = s[: 2 * token_count(len(shard[i].samples))].half().numpy()
    return out


def write(path, shard, states) -> None:
    offsets = np.cumsum([0] + [len(s) // 2 for s in states])
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(file, ids=[c.id for c in shard], offsets=offsets, states=np.concatenate(states))
    os.replace(temporary, path)


def encode_clips(encoder, source, target, seconds: float = 80.0, variant: int = 0, first: int = 0) -> None:
    """Encodes an iterable of clips into shards under `target`, from shard `first` on, skipping those already there."""
    target.mkdir(parents=True, exist_ok=True)
    shard, index, began, audio = [], first, time.time(), 0.0

    def flush():
        nonlocal shard, index, audio
        path = target / f"{index:04d}.npz"
        if shard and not path.exists():
            if variant:
                for number, clip in enumerate(shard):
                    clip.samples = augment(clip.samples, np.random.default_rng([variant, index, number]))
            write(path, shard, encode_shard(encoder, shard, seconds))
            audio += sum(len(c.samples) for c in shard) / RATE
            print(f"{target.name} {index}: {audio:.0f} s of audio, {audio / (time.time() - began):.1f} x real time", flush=True)
        shard, index = [], index + 1

    for clip in source:
        shard.append(clip)
        if len(shard) == SHARD:
            flush()
    flush()
    (target / "done").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+")
    parser.add_argument("--augment", type=int, default=0)
    parser.add_argument("--seconds-a-batch", type=float, default=80.0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    encoder = Encoder().bfloat16()
    for part in options.parts:
        target = folder(part, options.augment)
        if not (target / "done").exists():
            encode_clips(encoder, clips(part), target, options.seconds_a_batch, options.augment)


if __name__ == "__main__":
    main()
