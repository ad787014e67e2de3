"""Trains the quantizer: CTC before and after the code, and a distance to the whitened states.

    python -m zipper_train.train_quantizer --minutes 12

Resumes from $ZIPPER_DATA/train/quantizer.pt; picks up newly encoded shards at each epoch. `--minutes 0` only measures.
"""
import argparse
import json
import os
import time

import jiwer
import torch
import torch.nn.functional as F

from .batches import batches, stack
from .data import HUMAN_DEV, HUMAN_TRAIN, SYNTHETIC_TRAIN
from .paths import TRAIN
from .quantizer import Quantizer
from .states import load
from .text import CHARACTERS, normalize, spelled

CHECKPOINT = TRAIN / "quantizer.pt"


def ctc(head, features, lengths, targets):
    """CTC loss of the clips whose target is known; 0 where none is."""
    known = [i for i, t in enumerate(targets) if t]
    if not known:
        return features.sum() * 0
    logits = head(features[known]).float().log_softmax(-1).transpose(0, 1)
    flat = torch.tensor([c for i in known for c in targets[i]])
    sizes = torch.tensor([len(targets[i]) for i in known])
    loss = F.ctc_loss(logits, flat, lengths[known], sizes, reduction="none", zero_infinity=True)
    return loss.sum() / sizes.sum()


def read_off(logits) -> str:
    """Greedy CTC: the best class of each frame, repeats merged, blanks dropped. logits [time, classes]."""
    best = torch.unique_consecutive(logits.argmax(-1)).tolist()
    return "".join(CHARACTERS[c - 1] for c in best if c)


@torch.no_grad()
def measure(model, clips) -> dict:
    """WER of greedy CTC before and after the code, distance to the states, codes used."""
    truth, before, after, distance, used = [], [], [], [], set()
    for group in batches([len(c) for c in clips], 6000, 0):
        group = [clips[i] for i in group]
        white, lengths, mask = prepare(model, group)
        with torch.autocast("cpu", torch.bfloat16):
            features = model.features(white, mask)
            digits = model.digits(features)
            rebuilt = model.rebuild(digits, mask)
            a, b, states = model.spell_features(features), model.spell_codes(rebuilt), model.to_states(rebuilt)
        distance.append(((states - white).square() * mask).sum().item() / mask.sum().item() / white.shape[-1])
        for i, clip in enumerate(group):
            n = int(lengths[i])
            used.update(model.pack(digits[i, :n]).tolist())
            truth.append(normalize(clip.text))
            before.append(read_off(a[i, :n]))
            after.append(read_off(b[i, :n]))
    return {"wer_features": jiwer.wer(truth, before), "wer_codes": jiwer.wer(truth, after),
            "distance": sum(distance) / len(distance), "codes": len(used)}


def prepare(model, clips):
    states, lengths = stack([c.states for c in clips])
    mask = (torch.arange(states.shape[1]) < lengths[:, None]).float()[..., None]
    return model.whiten(states) * mask, lengths, mask


def save(model, optimizer, step):
    temporary = CHECKPOINT.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, temporary)
    os.replace(temporary, CHECKPOINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--frames", type=int, default=6000, help="25 Hz frames a batch")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--distance", type=float, default=0.5, help="weight of the distance to the states")
    options = parser.parse_args()
    torch.manual_seed(1)
    model = Quantizer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01, betas=(0.9, 0.98))
    step = 0
    if CHECKPOINT.exists():
        saved = torch.load(CHECKPOINT)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    began, epoch = time.time(), 0
    budget = options.minutes * 60
    dev = [c for part in HUMAN_DEV for c in load(part)][::4]
    while time.time() - began < budget:
        clips = [c for part in HUMAN_TRAIN + SYNTHETIC_TRAIN + ["hibari"] for c in load(part)]
        if step == 0:
            sample = torch.cat([torch.from_numpy(c.states).float() for c in clips[:: max(1, len(clips) // 1000)]])
            model.mean.copy_(sample.mean(0))
            model.deviation.copy_(sample.std(0))
        targets = [spelled(c.text) for c in clips]
        hours = sum(len(c) for c in clips) / 25 / 3600
        print(f"epoch {epoch}: {len(clips)} clips, {hours:.2f} h", flush=True)
        for group in batches([len(c) for c in clips], options.frames, 1000 + step):
            spent = (time.time() - began) / budget
            if spent >= 1:
                break
            for g in optimizer.param_groups:
                g["lr"] = options.rate * min(1, (step + 1) / 50) * max(0.03, 1 - spent)
            white, lengths, mask = prepare(model, [clips[i] for i in group])
            noisy = white + 0.2 * torch.randn_like(white) * mask
            with torch.autocast("cpu", torch.bfloat16):
                features = model.features(noisy, mask)
                rebuilt = model.rebuild(model.digits(features), mask)
                away = ((model.to_states(rebuilt).float() - white).square() * mask).sum() / mask.sum() / white.shape[-1]
                wanted = [targets[i] for i in group]
                plain, coded = ctc(model.spell_features, features, lengths, wanted), ctc(model.spell_codes, rebuilt, lengths, wanted)
            loss = plain + coded + options.distance * away
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            step += 1
            if step % 20 == 0:
                print(f"{step} {time.time() - began:.0f} s: ctc {plain.item():.3f}, coded {coded.item():.3f}, distance {away.item():.3f}", flush=True)
            if step % 100 == 0:
                save(model, optimizer, step)
                print(f"dev: {measure(model, dev)}", flush=True)
        epoch += 1
    save(model, optimizer, step)
    figures = {part: measure(model, load(part)) for part in HUMAN_DEV}
    (TRAIN / "quantizer.json").write_text(json.dumps({"steps": step, "dev": figures}, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
