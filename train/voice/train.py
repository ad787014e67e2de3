"""Trains the acoustic decoder: tokens to what the teacher's decoder reads.

    python -m voice.train --steps 2500 [--through 1000]

From step `--through` on, what counts most is what the frozen decoder makes of it: log-magnitudes of the spectrum's parts. Resumes from
$ZIPPER_DATA/train/voice/acoustic.pt.
"""
import argparse
import math
import time

import numpy as np
import torch
import torch.nn.functional as F

from zipper_train.batches import batches
from zipper_train.checkpoint import keep, restore

from .decoder import CONTENT, ENERGY, PITCH, VOICED, Acoustic, Decoder
from .targets import TARGETS
from .teacher import decoder_weights

CHECKPOINT = TARGETS.parent / "acoustic.pt"
LOUDNESS_OF_CONTENT = 10.0  # brings the content channels (typically 0.1) to the size of the rest
THRESHOLD = math.log(1 + 40) / 5  # pitch channel at 40 Hz: voiced above


def load() -> list[tuple[np.ndarray, np.ndarray]]:
    """(codes [tokens], features [frames, 130]) of each clip."""
    out = []
    for path in sorted(TARGETS.glob("*.npz")):
        with np.load(path) as s:
            features, codes, frames, tokens = s["features"], s["codes"], s["frames"], s["tokens"]
        out += [(codes[a:b], features[c:d]) for a, b, c, d in zip(tokens, tokens[1:], frames, frames[1:])]
    return out


QUIETEST = -4.0  # log-magnitude below which a difference is not heard


def spectral_loss(decoder, found, target, inside, voiced) -> torch.Tensor:
    """Mean difference of the log-magnitudes that the decoder makes of found and wanted features [batch, frames, 130]."""
    voice = torch.zeros(len(found), dtype=torch.long)
    pitched = torch.cat((found[..., :PITCH], torch.where(voiced > 0, found[..., PITCH], target[..., PITCH])[..., None], found[..., ENERGY : ENERGY + 1]), -1)
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            wanted = decoder(target, voice).float().clamp(min=QUIETEST)
        made = decoder(pitched, voice).float().clamp(min=QUIETEST)
    away = (made - wanted).abs().mean(-1)  # [batch, frames, 5]
    harmonic = (away[..., 0] * voiced).sum() / voiced.sum().clamp(min=1)
    rest = ((away[..., 2] + 0.5 * away[..., 3]) * inside).sum() / inside.sum()
    return harmonic + rest


def loss_of(model, clips, decoder=None) -> tuple[torch.Tensor, dict]:
    lengths = torch.tensor([len(c) for c, _ in clips])
    codes = torch.zeros(len(clips), int(lengths.max()), dtype=torch.long)
    for row, (c, _) in zip(codes, clips):
        row[: len(c)] = torch.from_numpy(c.astype(np.int64))
    mask = (torch.arange(codes.shape[1]) < lengths[:, None]).float()[..., None]
    with torch.autocast("cpu", torch.bfloat16):
        found = model(codes, torch.zeros(len(clips), dtype=torch.long), mask).float()
    target, inside = torch.zeros(*found.shape[:2], CONTENT + 2), torch.zeros(found.shape[:2])
    for row, mark, (_, features) in zip(target, inside, clips):
        n = min(len(features), len(row))
        row[:n], mark[:n] = torch.from_numpy(features[:n].astype(np.float32)), 1
    total, voiced = inside.sum(), (target[..., PITCH] > THRESHOLD).float() * inside
    content = ((found[..., :CONTENT] - target[..., :CONTENT]).abs().mean(-1) * inside).sum() / total * LOUDNESS_OF_CONTENT
    pitch = ((found[..., PITCH] - target[..., PITCH]).abs() * voiced).sum() / voiced.sum().clamp(min=1)
    energy = ((found[..., ENERGY] - target[..., ENERGY]).abs() * inside).sum() / total
    voicing = (F.binary_cross_entropy_with_logits(found[..., VOICED], voiced, reduction="none") * inside).sum() / total
    wrong = (((found[..., VOICED] > 0) != (voiced > 0)) * inside).sum() / total
    report = {"content": content.item(), "pitch": pitch.item(), "energy": energy.item(), "voicing": voicing.item(), "wrong": wrong.item()}
    loss = content + 4 * pitch + 0.5 * energy + 0.5 * voicing
    if decoder is None:
        return loss, report
    spectral = spectral_loss(decoder, found, target, inside, voiced)
    return 0.3 * loss + 2 * spectral, report | {"spectral": spectral.item()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--through", type=int, default=1000, help="step from which on the decoder's output counts")
    parser.add_argument("--tokens", type=int, default=2500, help="a batch")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model = Acoustic(1, dropout=0.05)
    average = Acoustic(1).requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01, betas=(0.9, 0.98))
    step, spent, began = restore(CHECKPOINT, model=model, average=average, optimizer=optimizer)
    decoder = Decoder(1).requires_grad_(False).eval()
    decoder.start_from(decoder_weights())
    clips = load()
    held, clips = clips[:40], clips[40:]
    print(f"{len(clips)} clips, {sum(len(c) for c, _ in clips) / 90000:.2f} h", flush=True)
    epoch, walked, reports = 0, 0, []
    while step < options.steps:
        for group in batches([len(c) for c, _ in clips], options.tokens, epoch):
            walked += 1
            if walked <= step or step >= options.steps:
                continue
            torch.manual_seed(step)
            for g in optimizer.param_groups:
                g["lr"] = options.rate * min(1, (step + 1) / 100) * max(0.01, 1 - step / options.steps)
            loss, report = loss_of(model, [clips[i] for i in group], decoder if step >= options.through else None)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            decay = min(0.995, step / (step + 20))
            for a, p in zip(average.state_dict().values(), model.state_dict().values()):
                a.lerp_(p, 1 - decay)
            reports.append(report)
            if step % 25 == 0:
                print(f"{step} {spent + time.time() - began:.0f} s: " + " ".join(f"{k} {np.mean([r[k] for r in reports if k in r]):.3f}" for k in report), flush=True)
                reports = []
            if step % 100 == 0 or step == options.steps:
                keep(CHECKPOINT, step, spent + time.time() - began, model=model, average=average, optimizer=optimizer)
                with torch.no_grad():
                    print("held out: " + " ".join(f"{k} {v:.3f}" for k, v in loss_of(average, held)[1].items()), flush=True)
        epoch += 1


if __name__ == "__main__":
    main()
