"""Speech tokens of everything encoded, and what the zip's training wants beside them.

    python -m zipper_train.tokenize [PART…]

Writes $ZIPPER_DATA/train/tokens/PART[+augN].npz: `ids`, `offsets` [clips + 1], `codes` int16 [tokens] (25 Hz); and
$ZIPPER_DATA/train/features/PART[+augN].npz: `features` float16 [tokens, 384], `heard` int16 [tokens] (index into the clip's
text of the character spoken at each frame, -1 where unknown).
"""
import argparse
import os
from pathlib import Path

import numpy as np
import torch

from .align import characters_heard
from .batches import batches
from .data import HUMAN_DEV, HUMAN_TRAIN, SYNTHETIC_TRAIN
from .encode import folder
from .paths import TRAIN
from .quantizer import Quantizer
from .states import load
from .text import spelled
from .train_quantizer import CHECKPOINT, prepare


def load_quantizer() -> Quantizer:
    model = Quantizer()
    model.load_state_dict(torch.load(CHECKPOINT)["model"])
    return model.eval().requires_grad_(False)


@torch.inference_mode()
def tokenize(model, clips) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(codes, features, heard) of each clip."""
    out = [None] * len(clips)
    for group in batches([len(c) for c in clips], 4000, 0):
        white, lengths, mask = prepare(model, [clips[i] for i in group])
        features = model.features(white, mask)
        codes = model.pack(model.digits(features))
        logs = model.spell_features(features).log_softmax(-1).numpy()
        for row, i in enumerate(group):
            n, text = int(lengths[row]), clips[i].text
            heard = characters_heard(logs[row, :n], text) if spelled(text) else None
            heard = np.full(n, -1) if heard is None else heard
            out[i] = (codes[row, :n].numpy().astype(np.int16), features[row, :n].half().numpy(), heard.astype(np.int16))
    return out


def store(path: Path, **arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(file, **arrays)
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=HUMAN_DEV + HUMAN_TRAIN + SYNTHETIC_TRAIN + ["hibari"])
    parser.add_argument("--augment", type=int, default=0)
    options = parser.parse_args()
    model = load_quantizer()
    for part in options.parts:
        clips = load(part, options.augment)
        if not clips:
            continue
        codes, features, heard = zip(*tokenize(model, clips))
        name = folder(part, options.augment).name
        offsets = np.cumsum([0] + [len(c) for c in codes])
        store(TRAIN / "tokens" / f"{name}.npz", ids=[c.id for c in clips], offsets=offsets, codes=np.concatenate(codes))
        store(TRAIN / "features" / f"{name}.npz", features=np.concatenate(features), heard=np.concatenate(heard))
        print(f"{name}: {len(clips)} clips, {offsets[-1]} tokens, {len(np.unique(np.concatenate(codes)))} codes used", flush=True)


if __name__ == "__main__":
    main()
