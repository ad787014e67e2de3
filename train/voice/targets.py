"""What the decoder should read, beside the speech tokens of the same sound: the teacher's own decoder inputs.

    python -m voice.targets --clips 3000

The sound itself is made again from the recipe of `zipper_train.synthesize`; its tokens are those of `train/tokens/hibari.npz`. Writes $ZIPPER_DATA/train/voice/targets/NNNN.npz,
goes on where it was cut off.
"""
import argparse
import json
import os
import time

import numpy as np

from zipper_train.paths import REPOSITORY, TRAIN

from .teacher import Teacher

TARGETS = TRAIN / "voice" / "targets"
SHARD = 250
TOKENS = REPOSITORY / "train" / "tokens"


def recipe() -> list[tuple[str, str, float, np.ndarray]]:
    """(number, text, speed, codes) of each synthetic clip whose tokens are kept."""
    kept = np.load(TOKENS / "hibari.npz")
    texts = {row["id"]: row["text"] for row in map(json.loads, open(TOKENS / "hibari.texts.jsonl"))}
    ids, offsets, codes = kept["ids"], kept["offsets"], kept["codes"]
    return [(str(i), texts[str(i)], float(np.random.default_rng([7, int(i)]).uniform(0.9, 1.15)), codes[a:b]) for i, a, b in zip(ids, offsets, offsets[1:])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=3000)
    options = parser.parse_args()
    TARGETS.mkdir(parents=True, exist_ok=True)
    teacher, clips, began = Teacher(), recipe()[: options.clips], time.time()
    for number in range(0, len(clips), SHARD):
        path = TARGETS / f"{number // SHARD:04d}.npz"
        if path.exists():
            continue
        features, codes, ids = [], [], []
        for name, text, speed, tokens in clips[number : number + SHARD]:
            found = teacher.features(text, speed)
            if abs(len(found) / 80 - len(tokens) / 25) > 0.06:  # another pronunciation than when the tokens were made
                continue
            features.append(found.astype(np.float16))
            codes.append(tokens)
            ids.append(name)
        temporary = path.with_suffix(".part")
        with open(temporary, "wb") as file:
            np.savez(file, ids=ids, features=np.concatenate(features), codes=np.concatenate(codes),
                     frames=np.cumsum([0] + [len(f) for f in features]), tokens=np.cumsum([0] + [len(c) for c in codes]))
        os.replace(temporary, path)
        print(f"{number + len(ids)} clips, {time.time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
