"""Reads the shards that `encode` writes."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .data import HELD_OUT, UNLABELLED, rows
from .encode import folder
from .paths import TRAIN
from .text import natural


@dataclass
class Encoded:
    id: str
    part: str
    text: str
    pairs: np.ndarray  # [tokens, 2, 512] float16: the two 50 Hz states of each token

    @property
    def held_out(self) -> bool:
        """Whether it is one of the synthetic voice's clips that no stage trains on."""
        return self.part == "hibari" and int(self.id) < HELD_OUT

    @property
    def states(self) -> np.ndarray:
        """Pooled, 25 Hz: [tokens, 512] float32."""
        return self.pairs.astype(np.float32).mean(1)

    def __len__(self) -> int:
        return len(self.pairs)


def texts_of(part: str) -> dict[str, str]:
    if part == "hibari" or part.startswith("voice."):
        return {row["id"]: row["text"] for row in map(json.loads, open(folder(part) / "texts.jsonl"))}
    if part in UNLABELLED:
        labels = TRAIN / "pseudo" / f"{part.replace('/', '.')}.json"  # `pseudo_label` writes it
        return json.loads(labels.read_text()) if labels.exists() else {}
    return {row["id"]: natural(row["text"]) for row in rows(part)}


def load(part: str, variant: int = 0) -> list[Encoded]:
    """All clips of a part that are encoded so far and have a text."""
    texts, out = texts_of(part), []
    for path in sorted(Path(folder(part, variant)).glob("*.npz")):
        with np.load(path) as shard:
            ids, offsets, pairs = shard["ids"], shard["offsets"], shard["states"].reshape(-1, 2, 512)
        out += [Encoded(str(i), part, texts[str(i)], pairs[a:b]) for i, a, b in zip(ids, offsets, offsets[1:]) if texts.get(str(i))]
    return out
