"""What the decoder should read for a synthetic clip: the teacher's own decoder inputs, and the symbol that is said in each frame.

    python -m voice.targets --clips 6000

The sound itself is made again from the recipe of `zipper_train.synthesize`. Writes $ZIPPER_DATA/train/voice/targets/NNNN.npz
(`ids`, `frames` [clips + 1], `features` float16 [frames, 130], `symbols` uint8 [frames]: classes of `zipper_train.phones.SYMBOLS`), 80 Hz;
goes on where it was cut off.
"""
import argparse
import json
import os
import time
from dataclasses import dataclass

import numpy as np

from zipper_train.encode import folder
from zipper_train.paths import TRAIN
from zipper_train.phones import symbol_classes
from zipper_train.synthesize import speed_of

from .teacher import Teacher

TARGETS = TRAIN / "voice" / "targets"
SHARD = 250


@dataclass
class Target:
    features: np.ndarray  # [frames, 130] float16
    symbols: np.ndarray  # [frames] uint8


def load() -> dict[str, Target]:
    """Targets by the clip's number."""
    out = {}
    for path in sorted(TARGETS.glob("*.npz")):
        with np.load(path) as s:
            ids, at, features, symbols = s["ids"], s["frames"], s["features"], s["symbols"]
        out |= {str(i): Target(features[a:b], symbols[a:b]) for i, a, b in zip(ids, at, at[1:])}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=6000)
    options = parser.parse_args()
    TARGETS.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in open(folder("hibari") / "texts.jsonl")][: options.clips]
    classes = np.zeros(256, np.uint8)
    for symbol, number in symbol_classes().items():
        classes[symbol] = number
    teacher, began = Teacher(), time.time()
    for number in range(0, len(rows), SHARD):
        path = TARGETS / f"{number // SHARD:04d}.npz"
        if path.exists():
            continue
        features, symbols, ids = [], [], []
        for row in rows[number : number + SHARD]:
            found, said = teacher.features(row["text"], speed_of(int(row["id"])))
            features.append(found.astype(np.float16))
            symbols.append(classes[said])
            ids.append(row["id"])
        temporary = path.with_suffix(".part")
        with open(temporary, "wb") as file:
            np.savez(file, ids=ids, features=np.concatenate(features), symbols=np.concatenate(symbols), frames=np.cumsum([0] + [len(f) for f in features]))
        os.replace(temporary, path)
        print(f"{number + len(ids)} clips, {time.time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
