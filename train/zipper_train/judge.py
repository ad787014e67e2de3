"""What the quantizer keeps, by whisper-base's own decoder: WER with its states as they are, pooled, and rebuilt from codes.

    python -m zipper_train.judge [--clips 25]

Clips are followed by 8 s of silence for this judge; only the clip's own states are replaced, the silence's stay.
"""
import argparse
import json

import ctranslate2
import numpy as np
import torch
from tokenizers import Tokenizer

from . import pinned
from .data import clips
from .encoder import Encoder, pool, token_count
from .evaluate import rates
from .paths import TRAIN
from .tokenize import load_quantizer

PARTS = ["librispeech/dev", "commonvoice/dev", "ljspeech/dev"]


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=25)
    options = parser.parse_args()
    quantizer, encoder = load_quantizer(), Encoder().bfloat16()
    judge = ctranslate2.models.Whisper(str(pinned.WHISPER), device="cpu", compute_type="float32", intra_threads=1)
    tokenizer = Tokenizer.from_file(str(pinned.WHISPER / "tokenizer.json"))
    prompt = [tokenizer.token_to_id(t) for t in ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")]

    def decode(states):
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(states[None].numpy()))
        return tokenizer.decode(judge.generate(view, [prompt], beam_size=1, max_length=120)[0].sequences_ids[0])

    report = {}
    for part in PARTS:
        truth, heard = [], {"whole": [], "pooled": [], "coded": []}
        for clip, _ in zip(clips(part), range(options.clips)):
            states, n = encoder.encode([clip.samples], 8.0)[0], token_count(len(clip.samples))
            pooled, mask = pool(states, n), torch.ones(1, n, 1)
            digits = quantizer.digits(quantizer.features(quantizer.whiten(pooled)[None], mask))
            rebuilt = quantizer.to_states(quantizer.rebuild(digits, mask))[0] * quantizer.deviation + quantizer.mean
            tail = states[2 * n :]
            truth.append(clip.text)
            heard["whole"].append(decode(states))
            heard["pooled"].append(decode(torch.cat((pooled.repeat_interleave(2, 0), tail))))
            heard["coded"].append(decode(torch.cat((rebuilt.repeat_interleave(2, 0), tail))))
        report[part] = {k: round(rates(truth, v), 4) for k, v in heard.items()}
        print(part, report[part], flush=True)
    (TRAIN / "judge.json").write_text(json.dumps({"clips_a_set": options.clips, "wer": report}, indent=1))


if __name__ == "__main__":
    main()
