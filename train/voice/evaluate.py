"""Is what the voice says understood? WER of whisper-base (greedy, 30 s window) on our speech.

    python -m voice.evaluate [--copy 40] [--speak 40] [--temperature 0.7]

`--copy`: real speech tokens of held-out synthetic clips through the voice, beside the teacher's own sound of the same texts: what tokens and voice cost. `--speak`: texts
through zip and voice. Texts are of the clips that `voice.train` holds out. Writes $ZIPPER_DATA/train/voice/evaluation.json.
"""
import argparse
import json

import numpy as np
import soxr
import torch

from zipper_train.decode import speak
from zipper_train.evaluate import Whisper, rates
from zipper_train.train_zip import Trainer, load_trained

from . import synthesis
from .decoder import gated, hertz
from .export import trained
from .targets import TARGETS, recipe
from .teacher import Teacher

HELD_OUT = 40  # as in `voice.train`


@torch.no_grad()
def sound(acoustic, decoder, codes, seed: int = 0) -> np.ndarray:
    """Samples at 24 kHz of speech tokens [tokens], 960 each."""
    codes, voice = torch.as_tensor(np.asarray(codes, np.int64))[None], torch.tensor([0])
    features = gated(acoustic(codes, voice))
    return synthesis.sound(decoder(features, voice), hertz(features), seed)[0, : 960 * codes.shape[1]].numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copy", type=int, default=40)
    parser.add_argument("--speak", type=int, default=40)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--top-k", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    acoustic, decoder, steps = trained()
    whisper = Whisper(options.threads)
    heard = lambda audio: whisper.transcript(soxr.resample(audio, synthesis.RATE, 16_000))
    held = set(np.load(TARGETS / "0000.npz")["ids"][:HELD_OUT].tolist())
    clips = [clip for clip in recipe() if clip[0] in held]
    report = {"acoustic_steps": steps}
    if options.copy:
        teacher, group = Teacher(), clips[: options.copy]
        truth = [text for _, text, _, _ in group]
        copies = [heard(sound(acoustic, decoder, codes)) for *_, codes in group]
        own = [heard(teacher.voice(text, speed=speed, seed=int(number))) for number, text, speed, _ in group]
        report["copy"] = {"clips": len(group), "wer": round(rates(truth, copies), 4), "teacher": round(rates(truth, own), 4), "examples": list(zip(truth, copies))[:6]}
    if options.speak:
        trainer = Trainer().eval()
        report["zip_steps"], group = load_trained(trainer)[0], clips[: options.speak]
        truth, said, ended = [text for _, text, _, _ in group], [], 0
        for number, text, _, _ in group:
            with torch.autocast("cpu", torch.bfloat16):
                codes, end = speak(trainer.zip, text, options.temperature, options.top_k, seed=int(number))
            said.append(heard(sound(acoustic, decoder, codes)) if codes else "")
            ended += end
        report["speak"] = {"sentences": len(group), "temperature": options.temperature, "wer": round(rates(truth, said), 4), "ended_by_itself": ended, "examples": list(zip(truth, said))[:6]}
    (TARGETS.parent / "evaluation.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
