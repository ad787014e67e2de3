"""Trains the quantizer, and the speller on with it: what a code must keep is what the voice needs to say it again.

    python -m zipper_train.train_quantizer --steps 1100

The speller starts from `train_speller`'s checkpoint. Losses: CTC of letters and of phonemes on its features; the same after the code; and, on
the synthetic voice, whose teacher tells what it says in every frame, what the voice's decoder reads (docs/voice.md). Resumes exactly from
$ZIPPER_DATA/train/quantizer.pt; what is kept and measured is the running average.
"""
import argparse
import json
import time

import jiwer
import numpy as np
import torch
from torch import nn

from voice.decoder import WIDTH, Acoustic
from voice.loss import channel_loss, symbol_loss, targets_of
from voice.targets import load as load_targets

from .batches import batches
from .checkpoint import keep, restore
from .data import HUMAN_DEV, HUMAN_TRAIN, SYNTHETIC_TRAIN
from .paths import TRAIN
from .phones import PHONES, SYMBOLS, phoned
from .quantizer import FEATURES, LEVELS, Quantizer
from .speller import CLASSES, Speller
from .states import load
from .text import normalize, spelled
from .train_speller import ctc, disturbed, prepare, read_off
from . import train_speller

CHECKPOINT = TRAIN / "quantizer.pt"
HIBARI_SHARE = 0.3  # of the synthetic voice in an epoch
PHONE_CLASSES = 1 + len(PHONES)


class Tokens(nn.Module):
    """Speller, quantizer, and what reads the codes in training: the acoustic decoder's body and heads for letters, phonemes and symbols."""

    def __init__(self):
        super().__init__()
        self.speller, self.quantizer = Speller(), Quantizer()
        self.heard_phones = nn.Linear(FEATURES, 2 * PHONE_CLASSES)
        self.enter = nn.Linear(len(LEVELS), WIDTH)
        self.body = Acoustic(1, dropout=0.05)
        self.letters, self.phones = nn.Linear(WIDTH, 2 * CLASSES), nn.Linear(WIDTH, 2 * PHONE_CLASSES)
        self.symbols = nn.Linear(WIDTH, 1 + len(SYMBOLS))

    def reads(self, digits, mask):
        """What the body makes of digits, at tokens: [batch, tokens, 256]."""
        return self.body.at_tokens(self.enter(digits / self.quantizer.reach), mask)


def halves(logits):
    """[batch, tokens, 2 classes] to [batch, 2 tokens, classes]: 50 Hz."""
    return logits.unflatten(-1, (2, -1)).flatten(1, 2)


def known_ctc(logits, lengths, targets):
    """CTC of the clips that have a target; 0 where none has."""
    known = [i for i, t in enumerate(targets) if t]
    return ctc(logits[known], lengths[known], [targets[i] for i in known]) if known else logits.sum() * 0


def loss_of(model, clips, letters, phones, targets, generator) -> tuple[torch.Tensor, dict]:
    white, lengths, mask = prepare(model.speller, clips)
    with torch.autocast("cpu", torch.bfloat16):
        features = model.speller.features(disturbed(white, mask, generator), mask)
        slow = model.reads(model.quantizer.digits(features), mask)
        heard, heard_phones = model.speller.letters(features), halves(model.heard_phones(features))
        coded, coded_phones = halves(model.letters(slow)), halves(model.phones(slow))
    parts = {"letters": known_ctc(heard, lengths, letters), "phones": known_ctc(heard_phones, lengths, phones),
             "coded": known_ctc(coded, lengths, letters), "coded_phones": known_ctc(coded_phones, lengths, phones)}
    total = parts["letters"] + 0.5 * parts["phones"] + 0.5 * parts["coded"] + parts["coded_phones"]
    report = {name: value.item() for name, value in parts.items()}
    voiced = [i for i, t in enumerate(targets) if t is not None]
    if voiced:
        with torch.autocast("cpu", torch.bfloat16):
            fast = model.body.at_frames(slow[voiced], mask[voiced])
            found, said = model.body.out(fast).float(), model.symbols(fast)
        wanted, inside, symbols = targets_of(found, [targets[i] for i in voiced])
        channels, more = channel_loss(found, wanted, inside)
        symbol, right = symbol_loss(said, symbols, inside)
        total = total + len(voiced) / len(clips) * (2 * channels + 2 * symbol)
        report |= more | {"symbol": symbol.item(), "right": right}
    return total, report


@torch.no_grad()
def measure(model, clips) -> dict:
    """WER of the letters and PER of the phonemes read off (greedy CTC), before and after the code; codes used."""
    words, sounds, found, used = [], [], {"letters": [], "coded": [], "phones": [], "coded_phones": []}, set()
    for group in batches([len(c) for c in clips], 6000, 0):
        group = [clips[i] for i in group]
        white, lengths, mask = prepare(model.speller, group)
        features = model.speller.features(white, mask)
        digits = model.quantizer.digits(features)
        slow = model.reads(digits, mask)
        logits = {"letters": model.speller.letters(features), "coded": halves(model.letters(slow)),
                  "phones": halves(model.heard_phones(features)), "coded_phones": halves(model.phones(slow))}
        for i, clip in enumerate(group):
            n = int(lengths[i])
            used.update(model.quantizer.pack(digits[i, :n]).tolist())
            words.append(normalize(clip.text))
            sounds.append(" ".join(PHONES[p - 1] for p in phoned(clip.text)))
            for name in ("letters", "coded"):
                found[name].append(" ".join(read_off(logits[name][i, : 2 * n]).split()))
            for name in ("phones", "coded_phones"):
                best = torch.unique_consecutive(logits[name][i, : 2 * n].argmax(-1)).tolist()
                found[name].append(" ".join(PHONES[c - 1] for c in best if c))
    rate = {name: jiwer.wer(sounds if "phones" in name else words, said) for name, said in found.items()}
    return {name: round(value, 4) for name, value in rate.items()} | {"codes": len(used)}


def load_tokens() -> Tokens:
    """The averaged weights of the checkpoint."""
    model = Tokens()
    model.load_state_dict(torch.load(CHECKPOINT)["average"])
    return model.eval().requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1100)
    parser.add_argument("--frames", type=int, default=5000, help="25 Hz frames a batch")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--speller-rate", type=float, default=0.5, help="the speller's rate, of the rest's")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model = Tokens()
    model.speller.load_state_dict(torch.load(train_speller.CHECKPOINT)["average"])
    average = Tokens().requires_grad_(False).eval()
    average.load_state_dict(model.state_dict())
    own = list(model.speller.parameters())
    rest = [p for n, p in model.named_parameters() if not n.startswith("speller.")]
    optimizer = torch.optim.AdamW([{"params": own, "scale": options.speller_rate}, {"params": rest, "scale": 1.0}], lr=options.rate, weight_decay=0.02, betas=(0.9, 0.98))
    step, spent, began = restore(CHECKPOINT, model=model, optimizer=optimizer, average=average)
    wanted = load_targets()
    clips = [c for part in HUMAN_TRAIN + SYNTHETIC_TRAIN + ["hibari"] for c in load(part)] + [c for part in HUMAN_TRAIN for v in (1, 2) for c in load(part, v)]
    letters, phones = [spelled(c.text) for c in clips], [phoned(c.text) for c in clips]
    targets = [wanted.get(c.id) if c.part == "hibari" else None for c in clips]
    keepers = [i for i, (c, t) in enumerate(zip(clips, phones)) if t and len(t) < 1.8 * len(c)]
    letters = [t if t and len(t) < 1.8 * len(c) else None for c, t in zip(clips, letters)]
    keepers = [i for i in keepers if not clips[i].held_out]
    held = [c for c in clips if c.held_out]
    print(f"{len(keepers)} of {len(clips)} clips, {sum(len(clips[i]) for i in keepers) / 90000:.2f} h; {sum(t is not None for t in targets)} with targets", flush=True)
    dev = {part.split("/")[0]: load(part) for part in HUMAN_DEV} | {"hibari": held}
    dev["speechocean762"] = dev["speechocean762"][::8]
    epoch, walked, reports = 0, 0, []
    while step < options.steps:
        rng = np.random.default_rng([4, epoch])
        chosen = [i for i in keepers if clips[i].part != "hibari" or rng.random() < HIBARI_SHARE]
        for group in batches([len(clips[i]) for i in chosen], options.frames, epoch):
            walked += 1
            if walked <= step or step >= options.steps:
                continue
            group = [chosen[i] for i in group]
            rate = options.rate * min(1, (step + 1) / 100) * (1 - step / options.steps) ** 0.8
            for g in optimizer.param_groups:
                g["lr"] = rate * g["scale"]
            torch.manual_seed(step)
            generator = torch.Generator().manual_seed(step)
            loss, report = loss_of(model, *([x[i] for i in group] for x in (clips, letters, phones, targets)), generator)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            step += 1
            decay = min(0.995, step / (step + 20))
            for a, p in zip(average.state_dict().values(), model.state_dict().values()):
                a.lerp_(p, 1 - decay)
            reports.append(report)
            if step % 20 == 0:
                names = dict.fromkeys(k for r in reports for k in r)
                print(f"{step} {spent + time.time() - began:.0f} s: " + " ".join(f"{k} {np.mean([r[k] for r in reports if k in r]):.3f}" for k in names), flush=True)
                reports = []
            if step % 300 == 0 or step == options.steps:
                keep(CHECKPOINT, step, spent + time.time() - began, model=model, optimizer=optimizer, average=average)
                for part, group in dev.items():
                    print(f"dev {part} {measure(average, group)}", flush=True)
        epoch += 1
    figures = {part: measure(average, load(part)) for part in HUMAN_DEV} | {"hibari": measure(average, held)}
    (TRAIN / "quantizer.json").write_text(json.dumps({"steps": step, "seconds": round(spent + time.time() - began), "dev": figures}, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
