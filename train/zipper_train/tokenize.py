"""Speech tokens of everything encoded, and what the zip's training wants beside them.

    python -m zipper_train.tokenize [PART…]

Writes $ZIPPER_DATA/train/tokens/PART[+augN].npz: `ids`, `offsets` [clips + 1], `codes` int16 [tokens] (25 Hz); and
$ZIPPER_DATA/train/features/PART[+augN].npz: `features` float16 [tokens, 384] (the speller's), `heard` int16 [tokens] (index into
the clip's text of the character spoken at the end of each frame, -1 where unknown).
"""
import argparse
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from . import q8, train_speller
from .align import characters_heard
from .batches import batches
from .data import HUMAN_DEV, HUMAN_TRAIN, SYNTHETIC_TRAIN, UNLABELLED
from .encode import folder
from .paths import MODEL, TRAIN
from .quantizer import Quantizer
from .states import load
from .text import spelled
from .speller import Speller
from .train_quantizer import CHECKPOINT, load_tokens


def load_models() -> tuple[Speller, Quantizer]:
    """Speller and quantizer of the checkpoint, or else as exported."""
    if CHECKPOINT.exists():
        tokens = load_tokens()
        return tokens.speller, tokens.quantizer
    return q8.put_back(Speller(), load_file(MODEL / "speller.safetensors")), q8.put_back(Quantizer(), load_file(MODEL / "quantizer.safetensors"))


@torch.inference_mode()
def read_clips(model, quantizer, clips, exact: bool = True) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(codes [tokens], features [tokens, 384], heard [tokens], log-probabilities of the letters [2 tokens, 29]) of each clip. Inexact: in bfloat16."""
    out = [None] * len(clips)
    for group in batches([len(c) for c in clips], 4000, 0):
        white, lengths, mask = train_speller.prepare(model, [clips[i] for i in group])
        with torch.autocast("cpu", torch.bfloat16, enabled=not exact):
            features = model.features(white, mask)
        features = features.float()
        codes = quantizer.pack(quantizer.digits(features)).numpy().astype(np.int16)
        logs = model.letters(features).log_softmax(-1).numpy()
        for row, i in enumerate(group):
            n, text = int(lengths[row]), clips[i].text
            heard = characters_heard(logs[row, : 2 * n], text) if spelled(text) else None
            heard = np.full(n, -1) if heard is None else heard[1::2]
            out[i] = (codes[row, :n], features[row, :n].half().numpy(), heard.astype(np.int16), logs[row, : 2 * n])
    return out


def store(path: Path, **arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(file, **arrays)
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=HUMAN_DEV + HUMAN_TRAIN + SYNTHETIC_TRAIN + UNLABELLED + ["hibari"])
    parser.add_argument("--augment", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    speller, quantizer = load_models()
    for part in options.parts:
        clips = load(part, options.augment)
        if not clips:
            continue
        name = folder(part, options.augment).name
        codes, features, heard, _ = zip(*read_clips(speller, quantizer, clips, exact=part.endswith("/dev")))
        offsets = np.cumsum([0] + [len(c) for c in codes])
        store(TRAIN / "tokens" / f"{name}.npz", ids=[c.id for c in clips], offsets=offsets, codes=np.concatenate(codes))
        store(TRAIN / "features" / f"{name}.npz", features=np.concatenate(features), heard=np.concatenate(heard))
        aligned = sum(h[0] >= 0 for h in heard)
        print(f"{name}: {len(clips)} clips ({aligned} aligned), {offsets[-1]} tokens, {len(np.unique(np.concatenate(codes)))} codes used", flush=True)


if __name__ == "__main__":
    main()
