"""Trains the speech tower and the zip: listening and speaking, batch about.

    python -m zipper_train.train_zip --steps 4000 [--pretrain 0] [--start zip1.pt | --from-export]

Starts with `--pretrain` steps of next-token prediction on speech tokens alone, then zips. Resumes exactly from $ZIPPER_DATA/train/zip.pt:
batches, noise and rate follow from the step's number. `--steps` may be raised or lowered between runs: the rate is constant after its rise
and falls linearly to nothing over the last `--decay` of the steps. `--from-export` starts from models/zipper-en instead of from nothing, `--start` from another
checkpoint's weights.
"""
import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from safetensors.torch import load_file

from . import gguf_tower, q8
from .batches import batches, stack
from .checkpoint import keep, restore
from .corpus import TextStates, read
from .data import HELD_OUT, HUMAN_DEV, HUMAN_TRAIN, SYNTHETIC_TRAIN, UNLABELLED
from .factored import factor
from .guide import characters_of_frames, frames_of_tokens, guide_loss
from .model import CODES, END, SPEECH, START, TEXT, build, trainable
from .paths import MODEL, TRAIN
from .text import spelled

CHECKPOINT = TRAIN / "zip.pt"
GUIDED_HEADS = 5
LONGEST = 450  # tokens of a clip


class Trainer(nn.Module):
    """The model and what only training needs: a head that reads sub-words off the speech tower."""

    def __init__(self):
        super().__init__()
        self.zip = build()
        self.speech, self.text = self.zip.towers[SPEECH], self.zip.towers[TEXT]
        factor(self.speech)
        self.spot_out = nn.Linear(self.speech.spec.width, self.text.spec.width)
        self.written = TextStates(self.text, [15], spell=False)
        self.spelled = TextStates(self.text, [4, 8, 12], spell=True)
        self.rng = np.random.default_rng(0)

    def seed(self, step: int) -> None:
        """All chance of a step follows from its number."""
        self.rng = np.random.default_rng([5, step])
        torch.manual_seed(step)

    def parameters_by_name(self) -> dict:
        own = {f"zip.{n}": p for n, p in trainable(self.zip).items()}
        return own | {n: p for n, p in self.named_parameters() if n.startswith("spot_out")}

    def candidates(self, ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch's own sub-words and a few thousand others, over which the softmax of training runs; and each one's place."""
        own = {0, *(i for row in ids for i in row)}
        others = set(self.rng.integers(0, 49152, 3000).tolist())
        rows = torch.tensor(sorted(own | others | set(range(2000))))
        place = torch.full((49152,), -1)
        place[rows] = torch.arange(len(rows))
        return rows, place

    @torch.no_grad()
    def seed_last_link(self) -> None:
        """Starts the link into the text tower's last layer as a copy of what spotting learnt: it writes the sub-words it attends to."""
        layers = len(self.text.layers)
        link = next(l for l in self.zip.links if (l.spec.target, l.spec.target_layer) == (TEXT, layers))
        width = self.speech.spec.width
        scale = self.text.norm.weight.float()
        scale = scale.sign() * scale.abs().clamp(min=0.1 * scale.abs().median().item())
        link.source_norm.weight.copy_(self.speech.norm.weight)
        link.v.weight.mul_(0.1)
        link.v.weight[:width] += torch.eye(width)
        link.o.weight.mul_(0.1)
        link.o.weight[:, :width] += self.spot_out.weight / scale[:, None]
        link.gate.fill_(0.5)

    def stream(self, samples, heard: bool):
        """START and the codes [batch, 1 + tokens], the lengths, and features [batch, 1 + tokens, 384] when listening."""
        lengths = torch.tensor([1 + len(s.codes) for s in samples])
        ids = torch.full((len(samples), int(lengths.max())), START)
        for row, s in zip(ids, samples):
            row[1 : 1 + len(s.codes)] = torch.from_numpy(s.codes.astype(np.int64))
        if not heard:
            return ids, lengths, None
        features, _ = stack([s.features for s in samples])
        features = F.pad(features, (0, 0, 1, 0))
        features = features + 0.1 * torch.randn_like(features)
        keep = (torch.rand(len(samples), 1, 1) > 0.08).float()
        return ids, lengths, features * keep

    def listen(self, samples, zipped: bool = True) -> tuple[torch.Tensor, dict]:
        """Loss of writing down what is heard (or, before the towers are zipped, of spotting the sub-words)."""
        ids, lengths, features = self.stream(samples, heard=True)
        words = [self.written.ids(s.text)[1:] for s in samples]
        known, text_lengths = self.written.get([s.text for s in samples]) if zipped else ({}, torch.tensor([1]))
        run = self.zip([(SPEECH, ids.shape[1]), (TEXT, int(text_lengths.max()))],
                       {SPEECH: self.speech.embed(ids, features)}, {SPEECH: lengths}, known)
        windows = [frames_of_tokens(s) for s in samples]
        spot, spotted = self.spot(run.last(SPEECH), samples, words, windows)
        if not zipped:
            return spot, {"spot": spot.item(), "spotted": spotted}

        rows, place = self.candidates(words)
        hidden = self.text.norm(run.last(TEXT))
        target = torch.full(hidden.shape[:2], -100)
        for row, w in zip(target, words):
            row[: len(w) + 1] = place[torch.tensor([*w, gguf_tower.END])]
        inside = target >= 0
        logits = F.linear(hidden[inside].bfloat16(), self.text.embedding.weight[rows]).float()
        written = F.cross_entropy(logits, target[inside])
        right = (logits.argmax(-1) == target[inside]).float().mean().item()

        guides = [guide_loss(w, windows, GUIDED_HEADS) for w in run.attention.values()]
        guide = sum(guides) / len(guides)
        return written + 0.4 * spot + 0.5 * guide, {"written": written.item(), "right": right, "spot": spot.item(), "spotted": spotted, "guide": guide.item()}

    def spot(self, last, samples, words: list[list[int]], windows: list):
        """Cross-entropy of each sub-word where it has just been heard, on the speech tower's last stream [batch, time, width].

        The forced alignment says where; so the speech tower's states come to live in the text tower's own space.
        """
        rows, place = self.candidates(words)
        at = [(i, end - 2, w) for i, window in enumerate(windows) if window is not None
              for (_, end), w in zip(window[:-1], words[i], strict=True)]
        if not at:
            return last.sum() * 0, 0.0
        clip, position, word = torch.tensor(at).T
        x = self.speech.norm(last[clip, position])
        scores = F.linear(self.spot_out(x).bfloat16(), self.text.embedding.weight[rows]).float()
        return F.cross_entropy(scores, place[word]), (scores.argmax(-1) == place[word]).float().mean().item()

    def speak(self, samples, zipped: bool = True) -> tuple[torch.Tensor, dict]:
        """Loss of the next speech token, given the text (or alone)."""
        ids, lengths, _ = self.stream(samples, heard=False)
        target = torch.full(ids.shape, -100)
        for row, s in zip(target, samples):
            row[: len(s.codes)] = torch.from_numpy(s.codes.astype(np.int64))
            row[len(s.codes)] = END
        if zipped:  # a share of the past is hidden, so that the text is listened to
            hide = torch.rand(ids.shape) < 0.2 * torch.rand(len(samples), 1)
            ids = torch.where(hide, START, ids)
            known, text_lengths = self.spelled.get([s.text for s in samples])
            run = self.zip([(TEXT, int(text_lengths.max())), (SPEECH, ids.shape[1])],
                           {SPEECH: self.speech.embed(ids)}, {TEXT: text_lengths}, known)
        else:
            run = self.zip([(SPEECH, ids.shape[1])], {SPEECH: self.speech.embed(ids)})
        inside = target >= 0
        logits = F.linear(self.speech.norm(run.last(SPEECH))[inside], self.speech.head.weight).float()
        spoken = F.cross_entropy(logits, target[inside])
        report = {"spoken": spoken.item(), "hit": (logits.argmax(-1) == target[inside]).float().mean().item()}
        if not zipped:
            return spoken, report
        windows = [characters_of_frames(s) for s in samples]
        guides = [guide_loss(w, windows, GUIDED_HEADS) for w in run.attention.values()]
        guide = sum(guides) / len(guides)
        return spoken + 0.15 * guide, report | {"guide": guide.item()}


class Weights:
    """The trained parameters as a checkpoint's part."""

    def __init__(self, trainer: Trainer):
        self.own = trainer.parameters_by_name()

    def state_dict(self) -> dict:
        return {n: p.detach() for n, p in self.own.items()}

    def load_state_dict(self, saved: dict) -> None:
        for name, value in saved.items():
            self.own[name].data.copy_(value)


def load_trained(trainer: Trainer) -> tuple[int, float]:
    """Puts the checkpoint's weights into a trainer. Returns steps and seconds."""
    return restore(CHECKPOINT, weights=Weights(trainer))[:2]


@torch.no_grad()
def from_export(trainer: Trainer) -> None:
    """The exported weights as a start. What the speech tower hears beside its tokens is learnt anew."""
    model = trainer.zip
    speech, zipped = (q8.unpack(load_file(MODEL / f"{name}.safetensors")) for name in ("speech_tower", "zip"))
    own = trainer.parameters_by_name()
    for name, value in speech.items():
        if name in ("embedding.weight", "head.weight"):
            part = getattr(trainer.speech, name.split(".")[0]).parametrizations.weight
            part.original.copy_(value - part[0].hot @ part[0].digits)
        elif name != "feature_in.weight":
            own[f"zip.towers.{SPEECH}.{name}"].copy_(value)
    for name, value in zipped.items():
        if name.endswith(".o.weight"):
            value = value / model.links[int(name.split(".")[1])].spec.gain
        target = own[f"zip.{name}"]
        target.copy_(value.reshape(target.shape))


def groups(parameters: dict, rate: float) -> list[dict]:
    gates = [p for n, p in parameters.items() if n.endswith(".gate") and p.dim() == 0]
    matrices = [p for n, p in parameters.items() if p.dim() > 1]
    vectors = [p for n, p in parameters.items() if p.dim() == 1]
    return [{"params": matrices, "weight_decay": 0.01, "scale": 1.0}, {"params": vectors, "weight_decay": 0.0, "scale": 1.0},
            {"params": gates, "weight_decay": 0.0, "scale": 10.0}]


@torch.no_grad()
def held_out(trainer, parts: dict) -> str:
    """Teacher-forced figures of held-out samples."""
    out = []
    with torch.autocast("cpu", torch.bfloat16):
        for name, samples in parts.items():
            if samples:
                report = trainer.listen(samples)[1]
                out.append(f"{name}: written {report['written']:.3f} right {report['right']:.3f} spotted {report['spotted']:.3f}")
        for name in ("kathleen", "hibari"):
            if parts.get(name):
                alone = trainer.speak(parts[name], zipped=False)[1]["spoken"]
                out.append(f"{name}: alone {alone:.3f} (perplexity {math.exp(alone):.0f})")
                report = trainer.speak(parts[name])[1]
                out.append(f"{name}: spoken {report['spoken']:.3f} hit {report['hit']:.3f}")
    return "; ".join(out)


def material() -> tuple[dict, dict]:
    """Samples to train on and samples held out, by part."""
    usable = lambda samples: [s for s in samples if len(s.codes) < LONGEST]
    human = [s for part in HUMAN_TRAIN for variant in (0, 1, 2) for s in read(part, variant)] + [s for part in UNLABELLED for s in read(part)]
    hibari = read("hibari")
    data = {"human": usable(human), "kokoro": usable(read(SYNTHETIC_TRAIN[0])), "hibari": usable(hibari[HELD_OUT:])}
    return data, {p.split("/")[0]: read(p) for p in HUMAN_DEV} | {"hibari": hibari[:HELD_OUT]}


def plan(data: dict, epoch: int, frames: int) -> list[tuple[str, list]]:
    """The batches of an epoch, mixed: (task, samples). Speaking is learnt from one voice; a share of speech alone keeps what the tower knew before."""
    rng = np.random.default_rng([11, epoch])
    pick = lambda samples, n: [samples[i] for i in rng.permutation(len(samples))[:n]]
    tasks = {"listen": pick(data["human"], 2000) + pick(data["kokoro"], 200) + pick(data["hibari"], 400),
             # Whoever speaks is given words, no digits.
             "speak": pick([s for s in data["hibari"] if spelled(s.text)], 3400),
             "speak alone": pick(data["hibari"], 150) + pick(data["human"], 250)}
    out = [(task, [samples[i] for i in b]) for number, (task, samples) in enumerate(tasks.items())
           for b in batches([len(s.codes) for s in samples], frames, 3 * epoch + number)]
    rng.shuffle(out)
    return out


def rate_of(step: int, steps: int, decay: float) -> float:
    """Warm-up, constant, then linearly to nothing over the last share `decay`."""
    return min(1, (step + 1) / 100) * min(1, max(0.01, (steps - step) / (decay * steps)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--decay", type=float, default=0.4, help="share of the steps over which the rate falls")
    parser.add_argument("--pretrain", type=int, default=0, help="steps of the speech tower alone")
    parser.add_argument("--from-export", action="store_true")
    parser.add_argument("--start", type=Path, help="a checkpoint beside the own one; only its weights are taken")
    parser.add_argument("--frames", type=int, default=1500, help="25 Hz frames a batch")
    parser.add_argument("--rate", type=float, default=1.0e-3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    trainer = Trainer()
    parameters = trainer.parameters_by_name()
    print(f"{sum(p.numel() for p in parameters.values()) / 1e6:.2f} M trainable", flush=True)
    if options.from_export:
        from_export(trainer)
    optimizer = torch.optim.AdamW(groups(parameters, options.rate), lr=options.rate, betas=(0.9, 0.98))
    weights = Weights(trainer)
    if options.start:
        restore(CHECKPOINT.parent / options.start, weights=weights)
    step, spent, began = restore(CHECKPOINT, weights=weights, optimizer=optimizer)

    data, dev = material()
    dev = {name: samples[:12] for name, samples in dev.items()}
    print({name: f"{len(samples)} clips, {sum(len(s.codes) for s in samples) / 90000:.2f} h" for name, samples in data.items()}, flush=True)

    history, measured_at, epoch, walked = [], time.time(), 0, 0
    while step < options.steps:
        for task, samples in plan(data, epoch, options.frames):
            walked += 1
            if walked <= step or step >= options.steps:
                continue
            for g in optimizer.param_groups:
                g["lr"] = options.rate * rate_of(step, options.steps, options.decay) * g["scale"]
            trainer.seed(step)
            alone = step < options.pretrain or task.endswith("alone")
            with torch.autocast("cpu", torch.bfloat16):
                loss, report = (trainer.listen if task == "listen" else trainer.speak)(samples, zipped=not alone)
            optimizer.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), 1.0)
            if math.isfinite(norm):
                optimizer.step()
            step += 1
            if step == options.pretrain:
                trainer.seed_last_link()
            history.append((task.removesuffix(" alone") + (" alone" if alone else ""), len(samples), report))
            if step % 25 == 0:
                lines = []
                for kind in dict.fromkeys(t for t, _, _ in history):
                    of = [r for t, _, r in history if t == kind]
                    lines.append(kind + " " + " ".join(f"{k} {np.mean([r[k] for r in of]):.3f}" for k in of[0]))
                clips = sum(n for _, n, _ in history)
                print(f"{step} {spent + time.time() - began:.0f} s, {clips / (time.time() - measured_at):.2f} clips/s, norm {norm:.1f}: " + "; ".join(lines), flush=True)
                history, measured_at = [], time.time()
            if step % 250 == 0 or step == options.steps:
                keep(CHECKPOINT, step, spent + time.time() - began, weights=weights, optimizer=optimizer)
                gates = " ".join(f"{math.tanh(l.gate.item()):.2f}" for l in trainer.zip.links)
                print(f"held out: {held_out(trainer, dev)}; gates {gates}", flush=True)
        epoch += 1


if __name__ == "__main__":
    main()
