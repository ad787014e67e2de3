"""Where things lie: the big artefacts outside the repository, the data folder beside it."""
import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ARTEFACTS = Path(os.environ.get("ZIPPER_DATA", Path.home() / ".cache" / "zipper"))
SHARED = Path(os.environ.get("ZIPPER_SHARED", REPOSITORY.parent / "shared"))
TRAIN = ARTEFACTS / "train"  # checkpoints, states, tokens
MODEL = REPOSITORY / "models" / "zipper-en"
