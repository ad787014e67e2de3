"""WER on held-out human speech beside whisper-base, stop behaviour of speech, gates, the frozen tower.

    python -m zipper_train.evaluate [--clips 40] [--sentences 40] [--modes joint zip letters unzipped]

Ways of listening: `joint`, what ships; `zip`, the zipped text tower alone; `letters`, the speller alone (greedy CTC); `unzipped`, the speller with
the text tower as a plain language model: what `joint` has over it is what the zip gives.

WER after `text.in_words` (numbers as words) and `text.normalize`: lower case, hyphens to spaces, only letters, digits and apostrophes kept. whisper-base: the pinned
file through CTranslate2, greedy, 30 s window. Writes $ZIPPER_DATA/train/evaluation.json; whisper's transcripts are kept beside it.
"""
import argparse
import json
import math
import time
from dataclasses import dataclass

import jiwer
import numpy as np
import torch

from . import gguf_tower, joint, pinned
from .data import HUMAN_DEV, clips
from .decode import listen, speak
from .encoder import log_mel
from .model import TEXT
from .paths import TRAIN
from .shipped import zipped
from .states import load
from .text import in_words, normalize, unseen
from .tokenize import load_models, read_clips
from .train_speller import read_off

PEER = TRAIN / "whisper_base.json"
MODES = ("joint", "zip", "letters", "unzipped")


class Whisper:
    """whisper-base through CTranslate2, greedy, 30 s window."""

    def __init__(self, threads: int = 1):
        import ctranslate2
        from tokenizers import Tokenizer
        self.model = ctranslate2.models.Whisper(str(pinned.WHISPER), device="cpu", compute_type="float32", intra_threads=threads)
        self.tokenizer = Tokenizer.from_file(str(pinned.WHISPER / "tokenizer.json"))
        self.prompt = [self.tokenizer.token_to_id(t) for t in ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")]

    def transcript(self, samples: np.ndarray) -> str:
        """samples [n] at 16 kHz, at most 30 s."""
        import ctranslate2
        window = torch.zeros(480_000)
        window[: len(samples)] = torch.from_numpy(np.asarray(samples, np.float32))[:480_000]
        features = ctranslate2.StorageView.from_array(np.ascontiguousarray(log_mel(window)[None].numpy()))
        result = self.model.generate(features, [self.prompt], beam_size=1, max_length=224)[0]
        return self.tokenizer.decode(result.sequences_ids[0]).strip()


def whisper_transcripts(parts: dict[str, list[str]]) -> dict[str, str]:
    """Greedy transcripts of whisper-base by clip id; kept, because they never change."""
    kept = json.loads(PEER.read_text()) if PEER.exists() else {}
    whisper = None
    for part, ids in parts.items():
        missing = {i for i in ids if i not in kept}
        if not missing:
            continue
        whisper = whisper or Whisper()
        for clip in clips(part, missing):
            kept[clip.id] = whisper.transcript(clip.samples)
        PEER.write_text(json.dumps(kept))
    return kept


@dataclass
class Heard:
    """A development clip as far as the speech tower's input."""
    id: str
    text: str
    codes: np.ndarray
    features: np.ndarray
    letters: np.ndarray


def heard_clips(part: str, count: int, skip: int = 0) -> list[Heard]:
    clips = load(part)[skip : skip + count]
    return [Heard(c.id, c.text, codes, features, letters) for c, (codes, features, _, letters) in zip(clips, read_clips(*load_models(), clips))]


def rates(truth: list[str], heard: list[str]) -> float:
    pairs = [(normalize(in_words(t)), normalize(in_words(h))) for t, h in zip(truth, heard) if normalize(t)]
    return jiwer.wer([t for t, _ in pairs], [h for _, h in pairs])


def heard_by(model, mode: str, clip: Heard, weight: float, beam: int, bonus: float = joint.BONUS, charge: float = joint.CHARGE) -> str:
    """Transcript of a clip by one way of listening."""
    if mode == "letters":
        return " ".join(read_off(torch.from_numpy(clip.letters)).split())
    codes, features, letters = torch.from_numpy(clip.codes.astype(np.int64)), torch.from_numpy(clip.features), torch.from_numpy(clip.letters)
    if mode == "zip":
        ids = listen(model, codes, features)
    else:
        ids = joint.listen(model, codes, features, letters, weight, beam, mode == "joint", bonus, charge=charge)
    return gguf_tower.tokenizer().decode(ids).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20, help="clips of each development set")
    parser.add_argument("--parts", nargs="+", default=HUMAN_DEV, help="development sets; figures of the others stay as they are")
    parser.add_argument("--skip", type=int, default=10, help="clips before them: the settings were chosen on the first ten")
    parser.add_argument("--sentences", type=int, default=200, help="of `text.unseen`, the first so many, for the stop rule")
    parser.add_argument("--modes", nargs="+", default=["joint", "letters"], choices=MODES)
    parser.add_argument("--weight", type=float, default=joint.WEIGHT, help="of the letters in joint decoding")
    parser.add_argument("--beam", type=int, default=joint.BEAM)
    parser.add_argument("--bonus", type=float, default=joint.BONUS, help="of a letter in joint decoding")
    parser.add_argument("--charge", type=float, default=joint.CHARGE, help="of an unknown word in joint decoding")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", default="evaluation", help="name of the report under $ZIPPER_DATA/train")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    model, step, seconds = zipped()
    report = {"steps": step, "training_seconds": round(seconds), "clips_a_set": options.clips, "skipped": options.skip, "weight": options.weight, "beam": options.beam, "bonus": options.bonus, "charge": options.charge, "listen": {}, "speak": {}}
    kept = TRAIN / f"{options.output}.json"
    if options.parts != HUMAN_DEV and kept.exists():
        report["listen"] = json.loads(kept.read_text())["listen"]
    report["gates"] = [round(math.tanh(l.gate.item()), 4) for l in model.links]
    heard = {part: heard_clips(part, options.clips, options.skip) for part in options.parts}
    peer = whisper_transcripts({part: [h.id for h in group] for part, group in heard.items()}) if options.clips else {}
    for part, group in heard.items():
        truth = [h.text for h in group]
        row = {"words": sum(len(normalize(t).split()) for t in truth), "whisper_base": round(rates(truth, [peer[h.id] for h in group]), 4)}
        for mode in options.modes:
            began = time.time()
            with torch.autocast("cpu", torch.bfloat16):
                written = [heard_by(model, mode, h, options.weight, options.beam, options.bonus, options.charge) for h in group]
            row |= {mode: round(rates(truth, written), 4), f"{mode}_seconds": round(time.time() - began, 1), f"{mode}_examples": list(zip(truth, written))[:4]}
        report["listen"][part] = row
        print(part, json.dumps(row, indent=1), flush=True)
        (TRAIN / f"{options.output}.json").write_text(json.dumps(report, indent=1))
    texts = unseen()[: options.sentences]
    ends, empty, ratio = 0, 0, []
    with torch.autocast("cpu", torch.bfloat16):
        for number, text in enumerate(texts):
            codes, ended = speak(model, text, seed=number)
            ends += ended
            empty += not codes
            ratio.append(len(codes) / 25 / len(text))
    if texts:
        report["speak"] = {"sentences": len(texts), "ended_by_itself": ends, "empty": empty,
                           "seconds_a_character": [round(float(x), 4) for x in np.quantile(ratio, [0, 0.05, 0.5, 0.95, 1])]}
        print(report["speak"], flush=True)
    zipped_text, probe = model.towers[TEXT], torch.tensor([[0, *gguf_tower.encode("The towers stand apart until they are zipped.")]])
    apart = gguf_tower.load(zipped_text.embedding.weight.dtype)
    report["frozen_tower_identical"] = bool(torch.equal(apart(probe), zipped_text(probe)))
    (TRAIN / f"{options.output}.json").write_text(json.dumps(report, indent=1))
    print({k: report[k] for k in ("gates", "frozen_tower_identical", "steps")})


if __name__ == "__main__":
    main()
