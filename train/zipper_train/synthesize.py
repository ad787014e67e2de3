"""Aligned speech of one synthetic voice (hibari-tts, Apache-2.0): sentences to encoder states, no audio kept.

    python -m zipper_train.synthesize --clips 6000

The recipe is the seed: clip `NNNNN` is sentence NNNNN of the shuffled corpus, spoken at a speed drawn from its number.
Writes $ZIPPER_DATA/train/states/hibari/ (shards and `texts.jsonl`).
"""
import argparse
import json

import numpy as np
import soxr
import torch

from .data import Clip
from .encode import encode_clips, folder
from .encoder import RATE, Encoder
from .paths import SHARED

SHARES = {"everyday": 0.25, "dialogue_taskmaster": 0.25, "books": 0.25, "nonfiction_lj": 0.12, "commands_slurp_lower": 0.08}


BLOCK = 6000  # sentences


def sentences(count: int) -> list[str]:
    """`count` sentences, in blocks, each drawn anew from the corpus: a larger count only adds."""
    return [s for block in range(-(-count // BLOCK)) for s in mixture(min(BLOCK, count - block * BLOCK), block)]


def mixture(count: int, block: int) -> list[str]:
    """`count` sentences of 1 to 24 words, mixed by SHARES; the rest are single words and short phrases out of them."""
    rng = np.random.default_rng([7, block] if block else 7)
    out, words = [], []
    for name, share in SHARES.items():
        lines = [line for line in (SHARED / "data" / "text" / f"{name}.txt").read_text().splitlines() if 1 <= len(line.split()) <= 24]
        chosen = [lines[i] for i in rng.permutation(len(lines))[: int(share * count)]]
        out += [line[:1].upper() + line[1:] for line in chosen]
    for _ in range(count - len(out)):
        line = out[rng.integers(len(out))].split()
        at, size = rng.integers(len(line)), rng.integers(1, 4)
        phrase = " ".join(line[at : at + size]).strip(",;:")
        words.append(phrase[:1].upper() + phrase[1:])
    out += words
    return [out[i] for i in rng.permutation(len(out))]


def speed_of(number: int) -> float:
    """Pace of a clip, 1 the voice's own."""
    return float(np.random.default_rng([7, number]).uniform(0.9, 1.15))


def speak(texts: list[str], first: int = 0):
    """Yields a clip for each text from number `first` on; a text that the voice cannot say is left out."""
    from hibari import Hibari
    voice = Hibari()
    for number, text in enumerate(texts[first:], first):
        audio = voice(text, speed=speed_of(number), seed=number)
        if 0.3 < len(audio) / 24000 < 16:
            yield Clip(f"{number:05d}", text, soxr.resample(audio, 24000, RATE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    target = folder("hibari")
    target.mkdir(parents=True, exist_ok=True)
    texts = sentences(options.clips)
    (target / "texts.jsonl").write_text("".join(json.dumps({"id": f"{i:05d}", "text": t}) + "\n" for i, t in enumerate(texts)))
    torch.set_num_threads(options.threads)
    done = sorted(target.glob("*.npz"))
    first = 1 + int(np.load(done[-1])["ids"][-1]) if done else 0
    encode_clips(Encoder().bfloat16(), speak(texts, first), target, first=len(done))


if __name__ == "__main__":
    main()
