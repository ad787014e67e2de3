"""Builds the English Zipper from its config: tower 0 writes (SmolLM2, frozen), tower 1 hears and speaks."""
import tomllib
from pathlib import Path

from . import gguf_tower
from .tower import Tower, TowerSpec
from .zip import LinkSpec, Zip

TEXT, SPEECH = 0, 1
CODES, START, END = 3125, 3125, 3126  # speech ids: codes 0..3124, then the two marks
CONFIG = Path(__file__).resolve().parents[1] / "configs" / "zipper-en.toml"


def read_config(path: Path = CONFIG) -> tuple[TowerSpec, list[LinkSpec]]:
    config = tomllib.loads(path.read_text())
    names = {"text": TEXT, "speech": SPEECH}
    links = [
        LinkSpec(names[group["source"]], a, names[group["target"]], b, group["heads"], group["source_scale"], group["target_scale"], gain)
        for group in config["links"] for (a, b), gain in zip(group["pairs"], group["gains"], strict=True)
    ]
    return TowerSpec("speech", **config["speech"]), links


def build(text: Tower | None = None, path: Path = CONFIG) -> Zip:
    speech, links = read_config(path)
    return Zip([text or gguf_tower.load(), Tower(speech)], links)


def trainable(model: Zip) -> dict:
    """All parameters but the frozen tower's, by name."""
    return {name: p for name, p in model.named_parameters() if not name.startswith(f"towers.{TEXT}.")}
