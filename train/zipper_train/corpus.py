"""What the zip trains on: tokens, features and transcripts of every part, and the text tower's states, computed once."""
from dataclasses import dataclass

import numpy as np
import torch

from . import gguf_tower
from .encode import folder
from .model import TEXT
from .paths import TRAIN
from .states import texts_of

ASCII = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": ".", "é": "e", "è": "e", "ê": "e", "â": "a", "ü": "u"})


@dataclass
class Sample:
    id: str
    part: str
    text: str
    codes: np.ndarray  # [tokens] int16
    features: np.ndarray  # [tokens, 384] float16
    heard: np.ndarray  # [tokens] index into text, -1 unknown


def read(part: str, variant: int = 0) -> list[Sample]:
    """Samples of a part; none where it is not tokenized yet."""
    name = folder(part, variant).name + ".npz"
    if not (TRAIN / "tokens" / name).exists():
        return []
    texts = texts_of(part)
    tokens, rest = np.load(TRAIN / "tokens" / name), np.load(TRAIN / "features" / name)
    codes, features, heard, offsets = tokens["codes"], rest["features"], rest["heard"], tokens["offsets"]
    return [Sample(str(i), part, texts[str(i)].translate(ASCII), codes[a:b], features[a:b], heard[a:b])
            for i, a, b in zip(tokens["ids"], offsets, offsets[1:])]


class TextStates:
    """Frozen states of the text tower that no link reaches: computed when first asked for, then kept in bfloat16."""

    def __init__(self, tower, layers: list[int], spell: bool):
        self.tower, self.layers, self.spell, self.kept = tower, layers, spell, {}

    def ids(self, text: str) -> list[int]:
        """Written: 0 and the sub-words. Spelled: 0, a token a byte, 0."""
        return [0, *gguf_tower.spell(text), 0] if self.spell else [0, *gguf_tower.encode(text)]

    @torch.no_grad()
    def get(self, texts: list[str]) -> tuple[dict, torch.Tensor]:
        """States (TEXT, layer) -> [batch, time, 576] and the lengths [batch]."""
        missing = [t for t in dict.fromkeys(texts) if t not in self.kept]
        if missing:
            ids = [self.ids(t) for t in missing]
            batch = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.long)
            for row, i in zip(batch, ids):
                row[: len(i)] = torch.tensor(i)
            x = self.tower.embed(batch)
            for number, block in enumerate(self.tower.layers[: max(self.layers)], 1):
                x = block(x)
                if number in self.layers:
                    for text, row, i in zip(missing, x, ids):
                        self.kept.setdefault(text, []).append(row[: len(i)].bfloat16())
        found = [self.kept[t] for t in texts]
        lengths = torch.tensor([len(f[0]) for f in found])
        states = {}
        for at, layer in enumerate(self.layers):
            x = torch.zeros(len(texts), int(lengths.max()), 576)
            for row, f in zip(x, found):
                row[: len(f[at])] = f[at].float()
            states[TEXT, layer] = x
        return states, lengths
