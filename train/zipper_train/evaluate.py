"""WER on held-out human speech beside whisper-base, stop behaviour of speech, gates, the frozen tower.

    python -m zipper_train.evaluate [--clips 40] [--sentences 40] [--stored]

WER after `text.normalize`: lower case, hyphens to spaces, only letters, digits and apostrophes kept. whisper-base: the pinned
file through CTranslate2, greedy, 30 s window. Writes $ZIPPER_DATA/train/evaluation.json; whisper's transcripts are kept beside it.
"""
import argparse
import json
import math
import time

import jiwer
import numpy as np
import torch

from . import gguf_tower, pinned
from .corpus import read as read_part
from .data import HUMAN_DEV, clips
from .decode import listen, speak
from .encoder import log_mel
from .model import TEXT
from .paths import TRAIN
from .synthesize import sentences
from .text import normalize
from .train_zip import Trainer, restore

PEER = TRAIN / "whisper_base.json"


def whisper_transcripts(parts: dict[str, list[str]]) -> dict[str, str]:
    """Greedy transcripts of whisper-base by clip id; kept, because they never change."""
    kept = json.loads(PEER.read_text()) if PEER.exists() else {}
    model = tokenizer = None
    for part, ids in parts.items():
        missing = {i for i in ids if i not in kept}
        if not missing:
            continue
        if model is None:
            import ctranslate2
            from tokenizers import Tokenizer
            model = ctranslate2.models.Whisper(str(pinned.WHISPER), device="cpu", compute_type="float32", intra_threads=1)
            tokenizer = Tokenizer.from_file(str(pinned.WHISPER / "tokenizer.json"))
            prompt = [tokenizer.token_to_id(t) for t in ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")]
        for clip in clips(part, missing):
            window = torch.zeros(480_000)
            window[: len(clip.samples)] = torch.from_numpy(clip.samples)
            features = ctranslate2.StorageView.from_array(np.ascontiguousarray(log_mel(window)[None].numpy()))
            result = model.generate(features, [prompt], beam_size=1, max_length=224)[0]
            kept[clip.id] = tokenizer.decode(result.sequences_ids[0]).strip()
        PEER.write_text(json.dumps(kept))
    return kept


def rates(truth: list[str], heard: list[str]) -> float:
    pairs = [(normalize(t), normalize(h)) for t, h in zip(truth, heard) if normalize(t)]
    return jiwer.wer([t for t, _ in pairs], [h for _, h in pairs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=30, help="clips of each development set")
    parser.add_argument("--sentences", type=int, default=40)
    options = parser.parse_args()
    torch.manual_seed(0)
    trainer = Trainer().eval()
    before = trainer.text(torch.tensor([[0, *gguf_tower.encode("The towers stand apart until they are zipped.")]]))
    step, seconds = restore(trainer)
    model = trainer.zip
    report = {"steps": step, "training_seconds": round(seconds), "clips_a_set": options.clips, "listen": {}, "speak": {}}
    report["gates"] = [round(math.tanh(l.gate.item()), 4) for l in model.links]
    samples = {part: read_part(part)[: options.clips] for part in HUMAN_DEV}
    peer = whisper_transcripts({part: [s.id for s in group] for part, group in samples.items()})
    for part, group in samples.items():
        began, heard = time.time(), []
        with torch.autocast("cpu", torch.bfloat16):
            for s in group:
                ids = listen(model, torch.from_numpy(s.codes.astype(np.int64)), torch.from_numpy(s.features))
                heard.append(gguf_tower.tokenizer().decode(ids))
        truth = [s.text for s in group]
        report["listen"][part] = {"wer": round(rates(truth, heard), 4), "whisper_base": round(rates(truth, [peer[s.id] for s in group]), 4),
                                  "words": sum(len(normalize(t).split()) for t in truth), "seconds": round(time.time() - began, 1),
                                  "examples": list(zip(truth, heard))[:4]}
        print(part, json.dumps(report["listen"][part], indent=1), flush=True)
    texts = sentences(6000)[-options.sentences :]
    ends, ratio = 0, []
    with torch.autocast("cpu", torch.bfloat16):
        for number, text in enumerate(texts):
            codes, ended = speak(model, text, seed=number)
            ends += ended
            ratio.append(len(codes) / 25 / len(text))
    if texts:
        report["speak"] = {"sentences": len(texts), "ended_by_itself": ends, "seconds_a_character": [round(float(x), 4) for x in np.quantile(ratio, [0.05, 0.5, 0.95])]}
        print(report["speak"], flush=True)
    after = trainer.text(torch.tensor([[0, *gguf_tower.encode("The towers stand apart until they are zipped.")]]))
    report["frozen_tower_identical"] = bool(torch.equal(before, after))
    (TRAIN / "evaluation.json").write_text(json.dumps(report, indent=1))
    print({k: report[k] for k in ("gates", "frozen_tower_identical", "steps")})


if __name__ == "__main__":
    main()
