"""Writes the voice: models/zipper-en/voice.safetensors, voice.json and reference tensors, all of the stored (rounded) weights.

    python -m voice.export
"""
import argparse
import json

import torch
from safetensors.torch import save_file

from zipper_train import q8
from zipper_train.export import flat
from zipper_train.paths import MODEL

from . import synthesis
from .clips import NAMES, heart_clips
from .decoder import BINS, CONTENT, HIDDEN, PARTS, WIDTH, Acoustic, Decoder, gated, hertz
from .kokoro import VOICES as KOKORO
from .train import CHECKPOINT, Voices

KINDS = {"a": "American", "b": "British", "f": "female", "m": "male"}


def about(name: str) -> dict:
    """What a page shows of a voice; Kokoro's names begin with accent and gender."""
    kokoro = KOKORO.get(name)
    accent, gender = (KINDS[c] for c in (kokoro or "af")[:2])
    source = f"Kokoro-82M v1.0, voice {kokoro}" if kokoro else "hibari-tts 0.2.1, voice heart (after Kokoro-82M's af_heart)"
    return {"name": name, "label": name.capitalize(), "gender": gender, "accent": accent, "from": source}


VOICES = [about(name) for name in NAMES]
REFERENCE_TOKENS, REFERENCE_SEED = 30, 7


def trained() -> tuple[Acoustic, Decoder, int]:
    """Acoustic decoder, decoder and steps of the checkpoint."""
    saved = torch.load(CHECKPOINT)
    model = Voices()
    model.load_state_dict(saved["average"])
    return model.acoustic.eval(), model.decoder.eval(), saved["step"]


def tensors(acoustic: Acoustic, decoder: Decoder) -> dict:
    """Both parts under `acoustic.` and `decoder.`; matrices in Q8_0."""
    own = {f"acoustic.{n}": v for n, v in flat(acoustic.state_dict()).items()} | {f"decoder.{n}": v for n, v in flat(decoder.state_dict()).items()}
    plain = {n for n in own if "norm" in n or n.endswith("depthwise.weight") or n == "acoustic.voices.weight"}
    return q8.pack(own, plain)


@torch.no_grad()
def reference(acoustic: Acoustic, decoder: Decoder) -> dict:
    """Every boundary for a short piece of real speech tokens."""
    codes = torch.from_numpy(heart_clips()[0].codes[:REFERENCE_TOKENS].astype("int64"))
    voice = torch.tensor([0])
    found = acoustic(codes[None], voice)
    features = gated(found)
    hidden = decoder.hidden(features, voice)
    parts = decoder.head(hidden).unflatten(-1, (PARTS, BINS))
    f0 = hertz(features)
    train = synthesis.pulses(f0)
    source = synthesis.source_spectrum(train, f0.shape[1])[0].T  # [frames, bins]
    return {"codes": codes.int(), "acoustic": found[0], "features": features[0], "hidden": hidden[0], "parts": parts[0, 40:44],
            "pulses": train[0], "source": torch.view_as_real(source[40:44]).contiguous(),
            "noise": torch.view_as_real(synthesis.noise(REFERENCE_SEED, 40, 4).T.contiguous()),
            "audio": synthesis.sound(parts, f0, REFERENCE_SEED)[0]}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    acoustic, decoder, steps = trained()
    packed = tensors(acoustic, decoder)
    q8.put_back(acoustic, packed, "acoustic.")
    q8.put_back(decoder, packed, "decoder.")
    save_file(packed, MODEL / "voice.safetensors")
    numbers = {"sample_rate": synthesis.RATE, "frame_rate": 80, "width": WIDTH, "hidden": HIDDEN, "content": CONTENT, "slow_blocks": 4, "fast_blocks": 2,
               "decoder_blocks": 8, "fft": synthesis.SIZE, "hop": synthesis.HOP, "voices": VOICES, "training": {"acoustic_steps": steps}}
    MODEL.joinpath("voice.json").write_text(json.dumps(numbers, indent=1) + "\n")
    save_file({k: v.contiguous() for k, v in reference(acoustic, decoder).items()}, MODEL / "reference" / "voice.safetensors",
              {"tokens": f"the first {REFERENCE_TOKENS} of hibari clip {heart_clips()[0].id}", "seed": str(REFERENCE_SEED), "frames": "parts, source and noise: frames 40..43"})
    print(steps, f"{MODEL.joinpath('voice.safetensors').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
