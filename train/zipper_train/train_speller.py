"""Trains the speller by CTC on everything encoded.

    python -m zipper_train.train_speller --steps 1500

Resumes exactly from $ZIPPER_DATA/train/speller.pt: batches and masks are drawn from the step's number, the rate follows the step. What is
kept and measured is the running average of the weights.
"""
import argparse
import json
import time

import jiwer
import numpy as np
import torch
import torch.nn.functional as F

from .batches import batches
from .checkpoint import keep, restore
from .data import HUMAN_DEV, HUMAN_TRAIN, SYNTHETIC_TRAIN
from .paths import TRAIN
from .speller import Speller
from .states import load
from .text import CHARACTERS, normalize, spelled

CHECKPOINT = TRAIN / "speller.pt"
HIBARI_SHARE = 0.6  # of one synthetic voice in an epoch
NOISE = 0.4  # deviations of the whitened states


def prepare(model, clips):
    """Whitened pairs [batch, tokens, 1024], lengths [batch], mask [batch, tokens, 1]."""
    lengths = torch.tensor([len(c) for c in clips])
    pairs = torch.zeros(len(clips), int(lengths.max()), 2, 512)
    for row, c in zip(pairs, clips):
        row[: len(c)] = torch.from_numpy(c.pairs.astype(np.float32))
    mask = (torch.arange(pairs.shape[1]) < lengths[:, None]).float()[..., None]
    return model.whiten(pairs) * mask, lengths, mask


def disturbed(white, mask, generator):
    """Noise, and stretches of time and of channels hidden (Park et al. 2019)."""
    batch, time_, width = white.shape
    x = white + NOISE * torch.randn(white.shape, generator=generator)
    draw = lambda high, size: torch.randint(0, high, size, generator=generator)
    steps, channels = torch.arange(time_), torch.arange(width)
    for _ in range(1 + time_ // 50):
        start, size = draw(time_, (batch, 1)), draw(10, (batch, 1))
        hidden = (steps >= start) & (steps < start + size)
        x = x.masked_fill(hidden[..., None], 0.0)
    for _ in range(2):  # of both states of a token alike
        start, size = draw(width // 2, (batch, 1)), draw(100, (batch, 1))
        hidden = (channels % (width // 2) >= start) & (channels % (width // 2) < start + size)
        x = x.masked_fill(hidden[:, None], 0.0)
    return x * mask


def ctc(letters, lengths, targets):
    """CTC loss a character, of clips that all have a target. letters [batch, 2 tokens, 29] logits."""
    logs = letters.float().log_softmax(-1).transpose(0, 1)
    flat = torch.tensor([c for t in targets for c in t])
    sizes = torch.tensor([len(t) for t in targets])
    return F.ctc_loss(logs, flat, 2 * lengths, sizes, reduction="sum", zero_infinity=True) / sizes.sum()


def read_off(logits) -> str:
    """Greedy CTC: the best class of each frame, repeats merged, blanks dropped. logits [time, classes]."""
    best = torch.unique_consecutive(logits.argmax(-1)).tolist()
    return "".join(CHARACTERS[c - 1] for c in best if c)


@torch.no_grad()
def measure(model, clips) -> float:
    """WER of greedy CTC, no language model."""
    truth, heard = [], []
    for group in batches([len(c) for c in clips], 6000, 0):
        group = [clips[i] for i in group]
        white, lengths, mask = prepare(model, group)
        with torch.autocast("cpu", torch.bfloat16):
            letters = model.letters(model.features(white, mask)).float()
        truth += [normalize(c.text) for c in group]
        heard += [" ".join(read_off(row[: 2 * int(n)]).split()) for row, n in zip(letters, lengths)]
    return jiwer.wer(truth, heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--frames", type=int, default=6000, help="25 Hz frames a batch")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model = Speller()
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.02, betas=(0.9, 0.98))
    average = Speller().requires_grad_(False).eval()
    step, spent, began = restore(CHECKPOINT, model=model, optimizer=optimizer, average=average)
    parts = HUMAN_TRAIN + SYNTHETIC_TRAIN + ["picovoice_s2i/unlabelled", "hibari"]
    clips = [c for part in parts for c in load(part)] + [c for part in HUMAN_TRAIN for c in load(part, 1)]
    clips = [c for c in clips if not c.held_out]
    targets = [spelled(c.text) for c in clips]
    keepers = [i for i, (c, t) in enumerate(zip(clips, targets)) if t and len(t) < 1.8 * len(c)]
    print(f"{len(keepers)} of {len(clips)} clips, {sum(len(clips[i]) for i in keepers) / 90000:.2f} h", flush=True)
    if step == 0:
        sample = torch.cat([torch.from_numpy(c.pairs.reshape(-1, 512)).float() for c in clips[:: max(1, len(clips) // 1500)]])
        model.mean.copy_(sample.mean(0))
        model.deviation.copy_(sample.std(0))
        average.load_state_dict(model.state_dict())
    dev = {part.split("/")[0]: load(part) for part in HUMAN_DEV}
    dev["speechocean762"] = dev["speechocean762"][::8]
    epoch, plan, losses = 0, [], []
    # The plan of an epoch depends on its number alone: a cut run walks through the same ones again, without work, to its step.
    walked = 0
    while step < options.steps:
        rng = np.random.default_rng([3, epoch])
        chosen = [i for i in keepers if clips[i].part != "hibari" or rng.random() < HIBARI_SHARE]
        for group in batches([len(clips[i]) for i in chosen], options.frames, epoch):
            walked += 1
            if walked <= step or step >= options.steps:
                continue
            group = [chosen[i] for i in group]
            progress = step / options.steps
            rate = options.rate * min(1, (step + 1) / 100) * (1 - progress) ** 0.8
            for g in optimizer.param_groups:
                g["lr"] = rate
            torch.manual_seed(step)
            generator = torch.Generator().manual_seed(step)
            white, lengths, mask = prepare(model, [clips[i] for i in group])
            with torch.autocast("cpu", torch.bfloat16):
                letters = model.letters(model.features(disturbed(white, mask, generator), mask))
            loss = ctc(letters, lengths, [targets[i] for i in group])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            decay = min(0.995, step / (step + 20))
            for a, p in zip(average.state_dict().values(), model.state_dict().values()):
                a.lerp_(p, 1 - decay)
            losses.append(loss.item())
            if step % 20 == 0:
                print(f"{step} {spent + time.time() - began:.0f} s: ctc {np.mean(losses):.3f}, rate {rate:.1e}", flush=True)
                losses = []
            if step % 100 == 0 or step == options.steps:
                keep(CHECKPOINT, step, spent + time.time() - began, model=model, optimizer=optimizer, average=average)
                figures = {part: round(measure(average, group), 4) for part, group in dev.items()}
                print(f"dev {figures}", flush=True)
        epoch += 1
    figures = {part: round(measure(average, load(part)), 4) for part in HUMAN_DEV}
    (TRAIN / "speller.json").write_text(json.dumps({"steps": step, "seconds": round(spent + time.time() - began), "hours": round(sum(len(clips[i]) for i in keepers) / 90000, 2), "wer": figures}, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
