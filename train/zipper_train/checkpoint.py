"""Checkpoints that a cut run leaves whole."""
import os
import time
from pathlib import Path

import torch


def keep(path: Path, step: int, seconds: float, **parts) -> None:
    """Writes the state of each part (anything with `state_dict`) beside the step and the seconds spent."""
    temporary = path.with_suffix(".part")
    torch.save({"step": step, "seconds": seconds} | {name: part.state_dict() for name, part in parts.items()}, temporary)
    os.replace(temporary, path)


def restore(path: Path, **parts) -> tuple[int, float, float]:
    """Puts back what `keep` wrote. Returns the step, the seconds spent before, and the time now."""
    if not path.exists():
        return 0, 0.0, time.time()
    saved = torch.load(path)
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return saved["step"], saved["seconds"], time.time()
