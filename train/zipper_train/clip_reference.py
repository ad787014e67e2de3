"""What PyTorch hears in a few development clips with the weights as they ship: the bound of `tests/clips.rs`.

    python -m zipper_train.clip_reference [--clips]    # writes tests/clips/expected.json; with --clips the WAV files too

The clips are the first ones of 3 to 5.5 s of each set: not chosen by how well they are heard.
"""
import argparse
import json

import numpy as np
import soundfile
import torch

from . import gguf_tower, joint, q8
from .data import clips, rows
from .encoder import RATE, Encoder, token_count
from .evaluate import rates
from .paths import MODEL
from .quantizer import Quantizer
from .shipped import as_stored, stored
from .speller import Speller

FOLDER = MODEL.parents[1] / "tests" / "clips"
SETS = {"commonvoice/dev": 2, "kathleen/dev": 2, "ljspeech/dev": 1, "librispeech/dev": 1}
SECONDS = (3.0, 5.5)


def write_clips() -> None:
    """The WAV files, 16 bit, 16 kHz, and what is said in them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    about = []
    for part, count in SETS.items():
        short = [row for row in rows(part) if SECONDS[0] <= row["seconds"] <= SECONDS[1]][:count]
        samples = {clip.id: clip.samples for clip in clips(part, {row["id"] for row in short})}
        for row in short:
            soundfile.write(FOLDER / f"{row['id']}.wav", np.clip(samples[row["id"]], -1, 1), RATE, subtype="PCM_16")
            about.append({"file": f"{row['id']}.wav", "licence": row["licence"], "said": row["text"]})
    FOLDER.joinpath("expected.json").write_text(json.dumps({"clips": about}, indent=1) + "\n")


@torch.no_grad()
def transcripts(files: list[str]) -> list[str]:
    """What the shipped weights hear, in float32."""
    parts = stored()
    weight = json.loads((MODEL / "config.json").read_text())["listen"]["ctc_weight"]
    model, encoder = as_stored(parts), Encoder()
    quantizer, speller = q8.put_back(Quantizer(), parts["quantizer"]), q8.put_back(Speller(), parts["speller"])
    out = []
    for file in files:
        samples, rate = soundfile.read(FOLDER / file, dtype="float32")
        assert rate == RATE, f"{file}: {rate} samples a second"
        states, n = encoder.encode([samples])[0], token_count(len(samples))
        mask = torch.ones(1, n, 1)
        features = speller.features(speller.whiten(states[: 2 * n].view(n, 2, 512))[None], mask)
        codes = quantizer.pack(quantizer.digits(features))[0]
        letters = speller.letters(features)[0].log_softmax(-1)
        out.append(gguf_tower.tokenizer().decode(joint.listen(model, codes, features[0], letters, weight)).strip())
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", action="store_true", help="write the WAV files too")
    if parser.parse_args().clips:
        write_clips()
    about = json.loads((FOLDER / "expected.json").read_text())["clips"]
    heard = transcripts([clip["file"] for clip in about])
    for clip, text in zip(about, heard):
        clip["heard"] = text
    report = {"wer": round(rates([clip["said"] for clip in about], heard), 4), "clips": about}
    FOLDER.joinpath("expected.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
