"""Trains the refiner by CTC behind the frozen speller, on everything encoded.

    python -m zipper_train.train_refiner --steps 3000

The synthetic voice takes part as it is and as of other throats (`synthesize --augment 1`). Resumes exactly from $ZIPPER_DATA/train/refiner.pt; what is
kept and measured is the running average of the weights.
"""
import argparse
import json
import time

import jiwer
import numpy as np
import torch

from .batches import batches
from .checkpoint import keep, restore
from .data import HUMAN_DEV, HUMAN_TRAIN, SYNTHETIC_TRAIN
from .paths import TRAIN
from .refiner import CHECKPOINT, Refiner
from .states import load
from .text import normalize, spelled
from .tokenize import load_models
from .train_speller import ctc, disturbed, prepare, read_off

HELD_OUT = 40  # clips of the synthetic voice, those with the lowest numbers


@torch.no_grad()
def measure(speller, refiner, clips) -> float:
    """WER of greedy CTC, no language model."""
    truth, heard = [], []
    for group in batches([len(c) for c in clips], 6000, 0):
        group = [clips[i] for i in group]
        white, lengths, mask = prepare(speller, group)
        with torch.autocast("cpu", torch.bfloat16):
            _, letters = refiner(speller, white, mask)
        truth += [normalize(c.text) for c in group]
        heard += [" ".join(read_off(row[: 2 * int(n)]).split()) for row, n in zip(letters, lengths)]
    return jiwer.wer(truth, heard)


def material() -> tuple[list, list]:
    """Clips and their letters; without those that cannot be spelled, and those held out."""
    parts = [(part, variant) for part in HUMAN_TRAIN + SYNTHETIC_TRAIN + ["hibari"] for variant in (0, 1, 2)]
    clips = [c for part, variant in parts for c in load(part, variant) if part != "hibari" or int(c.id) >= HELD_OUT]
    targets = [spelled(c.text) for c in clips]
    kept = [(c, t) for c, t in zip(clips, targets) if t and len(t) < 1.8 * len(c)]
    return [c for c, _ in kept], [t for _, t in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--frames", type=int, default=5000, help="25 Hz frames a batch")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    speller, _ = load_models()
    model, average = Refiner(), Refiner().requires_grad_(False).eval()
    average.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.02, betas=(0.9, 0.98))
    step, spent, began = restore(CHECKPOINT, model=model, optimizer=optimizer, average=average)
    clips, targets = material()
    hours = sum(len(c) for c in clips) / 90000
    print(f"{len(clips)} clips, {hours:.2f} h", flush=True)
    dev = {part.split("/")[0]: load(part) for part in HUMAN_DEV}
    dev["speechocean762"] = dev["speechocean762"][::8]
    dev["hibari"] = [c for c in load("hibari") if int(c.id) < HELD_OUT]
    epoch, losses = 0, []
    # The plan of an epoch depends on its number alone: a cut run walks through the same ones again, without work, to its step.
    walked = 0
    while step < options.steps:
        for group in batches([len(c) for c in clips], options.frames, epoch):
            walked += 1
            if walked <= step or step >= options.steps:
                continue
            rate = options.rate * min(1, (step + 1) / 100) * (1 - step / options.steps) ** 0.8
            for g in optimizer.param_groups:
                g["lr"] = rate
            torch.manual_seed(step)
            white, lengths, mask = prepare(speller, [clips[i] for i in group])
            with torch.autocast("cpu", torch.bfloat16):
                _, letters = model(speller, disturbed(white, mask, torch.Generator().manual_seed(step)), mask)
            loss = ctc(letters, lengths, [targets[i] for i in group])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            decay = min(0.997, step / (step + 20))
            for a, p in zip(average.state_dict().values(), model.state_dict().values()):
                a.lerp_(p, 1 - decay)
            losses.append(loss.item())
            if step % 20 == 0:
                print(f"{step} {spent + time.time() - began:.0f} s: ctc {np.mean(losses):.3f}, rate {rate:.1e}", flush=True)
                losses = []
            if step % 200 == 0 or step == options.steps:
                keep(CHECKPOINT, step, spent + time.time() - began, model=model, optimizer=optimizer, average=average)
                print(f"dev { {part: round(measure(speller, average, group), 4) for part, group in dev.items()} }", flush=True)
        epoch += 1
    figures = {part: round(measure(speller, average, load(part)), 4) for part in HUMAN_DEV}
    (TRAIN / "refiner.json").write_text(json.dumps({"steps": step, "seconds": round(spent + time.time() - began), "hours": round(hours, 2), "wer": figures}, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
