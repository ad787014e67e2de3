"""Is what the voices say understood, and does it sound well? WER of whisper-base (greedy, 30 s window) and MOS predictors on our speech.

    python -m voice.evaluate [--copy 40] [--speak 200] [--others 10] [--mos] [--temperature 0.3] [--guidance 0.5]

`--copy`: real speech tokens of held-out synthetic clips through the first voice, beside the teacher's own sound of the same texts: what tokens and voice
cost. `--speak`: texts through zip and first voice, beside the teacher's sound of them. `--others`: so many of these texts through every other voice. The
texts are `text.unseen`'s: every other one (`--tune`: those between, for choosing the temperature). Writes $ZIPPER_DATA/train/voice/evaluation.json.
"""
import argparse
import json
import sys
import types

import numpy as np
import soxr
import torch

from zipper_train.data import HELD_OUT
from zipper_train.decode import GUIDANCE, TEMPERATURE, speak
from zipper_train.evaluate import Whisper, rates
from zipper_train.shipped import zipped
from zipper_train.states import texts_of
from zipper_train.synthesize import speed_of
from zipper_train.text import unseen

from . import synthesis
from .clips import NAMES, heart_clips
from .decoder import gated, hertz
from .export import trained
from .targets import TARGETS
from .teacher import Teacher


@torch.no_grad()
def sound(acoustic, decoder, codes, seed: int = 0, voice: int = 0) -> np.ndarray:
    """Samples at 24 kHz of speech tokens [tokens], 960 each."""
    codes, voice = torch.as_tensor(np.asarray(codes, np.int64))[None], torch.tensor([voice])
    features = gated(acoustic(codes, voice))
    return synthesis.sound(decoder(features, voice), hertz(features), seed)[0, : 960 * codes.shape[1]].numpy()


class Mos:
    """distillMOS and DNSMOS (overall), means over clips."""

    def __init__(self):
        # distillmos imports torchaudio for its own command line alone.
        sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
        import distillmos
        self.distilled = distillmos.ConvTransformerSQAModel().eval()

    @torch.no_grad()
    def __call__(self, clips: list[np.ndarray]) -> dict:
        from speechmos import dnsmos
        distilled, dns = [], []
        for samples in clips:
            samples = np.clip(soxr.resample(samples, synthesis.RATE, 16_000), -1, 1)
            distilled.append(self.distilled(torch.from_numpy(samples)[None].float()).item())
            dns.append(dnsmos.run(samples, 16_000)["ovrl_mos"])
        return {"distillmos": round(float(np.mean(distilled)), 2), "dnsmos": round(float(np.mean(dns)), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copy", type=int, default=40)
    parser.add_argument("--speak", type=int, default=200)
    parser.add_argument("--others", type=int, default=0)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--mos", action="store_true")
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    parser.add_argument("--top-k", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    acoustic, decoder, steps = trained()
    whisper, mos = Whisper(options.threads), Mos() if options.mos else (lambda clips: {})
    heard = lambda audio: whisper.transcript(soxr.resample(audio, synthesis.RATE, 16_000))
    texts, held = texts_of("hibari"), heart_clips()[:HELD_OUT]
    teacher = Teacher()
    report = {"acoustic_steps": steps}
    if options.copy:
        group = held[: options.copy]
        truth = [texts[c.id] for c in group]
        copies = [sound(acoustic, decoder, c.codes) for c in group]
        own = [teacher.voice(texts[c.id], speed=speed_of(int(c.id)), seed=int(c.id)) for c in group]
        said, taught = [heard(a) for a in copies], [heard(a) for a in own]
        report["copy"] = {"clips": len(group), "wer": round(rates(truth, said), 4)} | mos(copies) | {"examples": list(zip(truth, said))[:6]}
        report["teacher"] = {"wer": round(rates(truth, taught), 4)} | mos(own)
    if options.speak:
        model, report["zip_steps"], _ = zipped()
        truth, codes, ended = unseen()[options.tune :: 2][: options.speak], [], 0
        for number, text in enumerate(truth):
            with torch.autocast("cpu", torch.bfloat16):
                tokens, end = speak(model, text, options.temperature, options.top_k, seed=number, guidance=options.guidance)
            codes.append(tokens)
            ended += end
        report["ended_by_itself"] = ended
        own = [teacher.voice(text, seed=number) for number, text in enumerate(truth)]
        taught = [heard(audio) for audio in own]
        report["speak teacher"] = {"sentences": len(truth), "words": sum(len(t.split()) for t in truth), "wer": round(rates(truth, taught), 4),
                                   "seconds": round(sum(map(len, own)) / synthesis.RATE, 1)} | mos(own) | {"examples": list(zip(truth, taught))[:6]}
        for number, name in enumerate(NAMES[: None if options.others else 1]):
            chosen = range(0, len(truth), max(1, len(truth) // options.others)) if number else range(len(truth))
            clips = [sound(acoustic, decoder, codes[i], voice=number) for i in chosen]
            said = [heard(audio) for audio in clips]
            texts_said = [truth[i] for i in chosen]
            report[f"speak {name}"] = {"sentences": len(chosen), "temperature": options.temperature, "guidance": options.guidance, "wer": round(rates(texts_said, said), 4),
                                       "seconds": round(sum(map(len, clips)) / synthesis.RATE, 1)} | mos(clips) | {"examples": list(zip(texts_said, said))[:40]}
    (TARGETS.parent / "evaluation.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
