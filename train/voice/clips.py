"""What the voices learn from: tokens beside the teachers' targets or their sound."""
from dataclasses import dataclass

import numpy as np
import torch

from zipper_train.paths import TRAIN

from .kokoro import CLIPS, VOICES as KOKORO
from .targets import load as load_targets

NAMES = ["heart", *KOKORO]  # a voice's number is its place


def codes_of(part: str) -> dict[str, np.ndarray]:
    """Speech tokens of a tokenized part, by clip."""
    with np.load(TRAIN / "tokens" / f"{part}.npz") as s:
        ids, at, codes = s["ids"], s["offsets"], s["codes"]
    return {str(i): codes[a:b] for i, a, b in zip(ids, at, at[1:])}


@dataclass
class Heart:
    """A clip of the first voice: the teacher's decoder inputs are known."""
    id: str
    codes: np.ndarray  # [tokens]
    features: np.ndarray  # [frames, 130] float16
    symbols: np.ndarray  # [frames]
    voice: int = 0


@dataclass
class Other:
    """A clip of a further voice: its sound is known, with pitch and energy."""
    id: str
    codes: np.ndarray
    audio: np.ndarray  # [samples] float16, 24 kHz
    f0: np.ndarray  # [frames] Hz
    energy: np.ndarray  # [frames]
    voice: int


def heart_clips() -> list[Heart]:
    """Those whose sound and targets have the same length: another pronunciation has another one."""
    codes, out = codes_of("hibari"), []
    for name, target in load_targets().items():
        if name in codes and abs(len(target.features) / 80 - len(codes[name]) / 25) <= 0.06:
            out.append(Heart(name, codes[name], target.features, target.symbols))
    return out


def other_clips() -> list[Other]:
    out = []
    for number, name in enumerate(NAMES[1:], 1):
        for clip, codes in codes_of(f"voice.{name}").items():
            with np.load(CLIPS / name / f"{clip}.npz") as s:
                out.append(Other(clip, codes, s["audio"], s["f0"], s["energy"], number))
    return out


def stack_codes(clips) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """codes [batch, tokens], mask [batch, tokens, 1], voices [batch]."""
    lengths = torch.tensor([len(c.codes) for c in clips])
    codes = torch.zeros(len(clips), int(lengths.max()), dtype=torch.long)
    for row, clip in zip(codes, clips):
        row[: len(clip.codes)] = torch.from_numpy(clip.codes.astype(np.int64))
    mask = (torch.arange(codes.shape[1]) < lengths[:, None]).float()[..., None]
    return codes, mask, torch.tensor([c.voice for c in clips])
