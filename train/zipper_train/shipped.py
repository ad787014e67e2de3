"""The zipped towers as models/zipper-en holds them, or as a checkpoint does that was trained further."""
import dataclasses
import json

import torch
from safetensors.torch import load_file

from . import gguf_tower, q8
from .model import SPEECH, build
from .paths import MODEL
from .train_zip import CHECKPOINT, Trainer, load_trained


def stored() -> dict:
    """The files of models/zipper-en, tensors by name."""
    return {name: load_file(MODEL / f"{name}.safetensors") for name in ("quantizer", "speller", "speech_tower", "zip")}


def stages_of() -> dict:
    """Steps and seconds of the zip's training as exported."""
    return json.loads(MODEL.joinpath("config.json").read_text())["training"]


def as_stored(files: dict):
    """The model of the stored (rounded) values, in float32."""
    speech, links = q8.unpack(files["speech_tower"]), q8.unpack(files["zip"])
    fresh = build(gguf_tower.load(torch.float32)).eval()
    fresh.towers[SPEECH].load_state_dict(speech)
    for i, link in enumerate(fresh.links):
        link.spec = dataclasses.replace(link.spec, gain=1.0)
        link.load_state_dict({n.removeprefix(f"links.{i}."): v.reshape(()) if n.endswith(".gate") and v.numel() == 1 else v
                              for n, v in links.items() if n.startswith(f"links.{i}.")})
    fresh.projections.load_state_dict({n.removeprefix("projections."): v for n, v in links.items() if n.startswith("projections.")})
    return fresh


def zipped() -> tuple:
    """The zipped towers, their steps and the seconds these took: the checkpoint's, or else the shipped ones."""
    if CHECKPOINT.exists():
        trainer = Trainer().eval()
        return trainer.zip, *load_trained(trainer)
    stages = stages_of()
    return as_stored(stored()), stages["zip_steps"], stages["zip_seconds"]
