"""Reads the shards that `encode` writes."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .data import rows
from .encode import folder
from .text import natural


@dataclass
class Encoded:
    id: str
    part: str
    text: str
    states: np.ndarray  # [tokens, 512] float16, pooled, 25 Hz


def texts_of(part: str) -> dict[str, str]:
    if part == "hibari":
        return {row["id"]: row["text"] for row in map(json.loads, open(folder(part) / "texts.jsonl"))}
    return {row["id"]: natural(row["text"]) for row in rows(part)}


def load(part: str, variant: int = 0) -> list[Encoded]:
    """All clips of a part that are encoded so far."""
    texts, out = texts_of(part), []
    for path in sorted(Path(folder(part, variant)).glob("*.npz")):
        with np.load(path) as shard:
            ids, offsets, states = shard["ids"], shard["offsets"], shard["states"]
        out += [Encoded(str(i), part, texts[str(i)], states[a:b]) for i, a, b in zip(ids, offsets, offsets[1:])]
    return out
