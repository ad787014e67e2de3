"""Clips of the data folder: tar files of Opus clips with a jsonl beside each."""
import io
import json
import tarfile
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from .encoder import RATE
from .paths import SHARED

HUMAN_TRAIN = ["kathleen/train", "librispeech/train", "speechocean762/train", "matthes/train", "hifitts6097/train", "grid_s1/train"]
HUMAN_DEV = ["librispeech/dev", "commonvoice/dev", "ljspeech/dev", "kathleen/dev", "speechocean762/dev"]
SYNTHETIC_TRAIN = ["kokoro/train"]
UNLABELLED = ["picovoice_s2i/unlabelled"]
HELD_OUT = 40  # clips of the synthetic voice, those with the lowest numbers, that no stage trains on


@dataclass
class Clip:
    id: str
    text: str
    samples: np.ndarray  # [n] float32, 16 kHz


def rows(part: str) -> list[dict]:
    """The jsonl rows of a part such as "kathleen/train"."""
    with open(SHARED / "data" / f"{part}.jsonl") as file:
        return [json.loads(line) for line in file]


def decode(blob: bytes) -> np.ndarray:
    """Any audio file's bytes to mono float32 at 16 kHz."""
    samples, rate = soundfile.read(io.BytesIO(blob), dtype="float32")
    samples = samples if samples.ndim == 1 else samples.mean(1)
    return samples if rate == RATE else soxr.resample(samples, rate, RATE)


def clips(part: str, wanted: set[str] | None = None):
    """Yields the clips of a part in the order of its tar."""
    texts = {row["id"]: row.get("text", "") for row in rows(part)}
    with tarfile.open(SHARED / "data" / f"{part}.tar") as archive:
        for member in archive:
            name = member.name.removesuffix(".opus")
            if name in texts and (wanted is None or name in wanted):
                yield Clip(name, texts[name], decode(archive.extractfile(member).read()))
