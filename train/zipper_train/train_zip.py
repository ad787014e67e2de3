"""Trains the speech tower and the zip: listening and speaking, batch about.

    python -m zipper_train.train_zip --until 19:28 [--pretrain-minutes 4]

Starts with next-token prediction on speech tokens alone, then zips. Resumes from $ZIPPER_DATA/train/zip.pt.
"""
import argparse
import datetime
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import gguf_tower
from .batches import batches, stack
from .corpus import TextStates, read
from .data import HUMAN_DEV, HUMAN_TRAIN
from .factored import factor
from .guide import characters_of_frames, frames_of_tokens, guide_loss
from .model import CODES, END, SPEECH, START, TEXT, build, trainable
from .paths import TRAIN

CHECKPOINT = TRAIN / "zip.pt"
GUIDED_HEADS = 5
SPEAKERS = ["hibari", "kokoro.train", "kathleen.train"]  # whose tokens are learnt to be spoken


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


def named_read(names: list[str]):
    """Samples of parts given as they are called on disk."""
    return [s for n in names for s in read(n.split("+aug")[0].replace(".", "/") if n != "hibari" else n, int(n.split("+aug")[1]) if "+aug" in n else 0)]


def save(trainer, optimizer, step: int, spent: float) -> None:
    temporary = CHECKPOINT.with_suffix(".part")
    weights = {n: p.detach() for n, p in trainer.parameters_by_name().items()}
    torch.save({"weights": weights, "optimizer": optimizer.state_dict(), "step": step, "seconds": spent}, temporary)
    os.replace(temporary, CHECKPOINT)


def restore(trainer, optimizer=None) -> tuple[int, float]:
    saved = torch.load(CHECKPOINT)
    own = trainer.parameters_by_name()
    for name, value in saved["weights"].items():
        if name in own:
            own[name].data.copy_(value)
    if optimizer and saved["weights"].keys() == own.keys():
        optimizer.load_state_dict(saved["optimizer"])
    return saved["step"], saved["seconds"]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--until", default="19:28", help="wall clock, today: the learning rate falls to nothing by then")
    parser.add_argument("--pretrain-minutes", type=float, default=4)
    parser.add_argument("--frames", type=int, default=1500, help="25 Hz frames a batch")
    parser.add_argument("--rate", type=float, default=1.2e-3)
    options = parser.parse_args()
    torch.manual_seed(1)
    trainer = Trainer()
    parameters = trainer.parameters_by_name()
    print(f"{sum(p.numel() for p in parameters.values()) / 1e6:.2f} M trainable", flush=True)
    optimizer = torch.optim.AdamW(groups(parameters, options.rate), lr=options.rate, betas=(0.9, 0.98))
    step, spent = restore(trainer, optimizer) if CHECKPOINT.exists() else (0, 0.0)
    hour, minute = map(int, options.until.split(":"))
    end = datetime.datetime.now().replace(hour=hour, minute=minute, second=0).timestamp()
    whole = spent + end - time.time()
    began, saved_at, measured_at = time.time() - spent, time.time(), time.time()
    dev = {p.split("/")[0]: read(p)[:12] for p in HUMAN_DEV}
    history, seeded = [], spent > options.pretrain_minutes * 60
    while time.time() < end:
        rng = np.random.default_rng(step)
        hibari = read("hibari")
        dev["hibari"], hibari = hibari[:8], hibari[8:]
        human = named_read([p.replace("/", ".") for p in HUMAN_TRAIN] + [p.replace("/", ".") + "+aug1" for p in HUMAN_TRAIN])
        kokoro = named_read(["kokoro.train"])
        pick = lambda samples, n: [samples[i] for i in rng.permutation(len(samples))[:n]]
        # each epoch is short, so that newly tokenized parts join soon
        listening = [s for s in pick(human, 1800) + pick(kokoro, 200) + pick(hibari, 700) if len(s.codes) < 450]
        speaking = [s for s in pick(hibari, 550) + pick(kokoro, 50) + pick(named_read(["kathleen.train"]), 100) if len(s.codes) < 350]
        print(f"epoch at step {step}: {len(human)} human, {len(kokoro)} kokoro, {len(hibari)} hibari", flush=True)
        plan = [("listen", b) for b in batches([len(s.codes) for s in listening], options.frames, step)]
        plan += [("speak", b) for b in batches([len(s.codes) for s in speaking], options.frames, step)]
        rng.shuffle(plan)
        for task, group in plan:
            now = time.time() - began
            if time.time() >= end:
                break
            pretraining = now < options.pretrain_minutes * 60
            progress = now / whole
            scale = min(1, (step % 100000 + 1) / 60) * max(0.02, min(1, (1 - progress) / 0.6))
            for g in optimizer.param_groups:
                g["lr"] = options.rate * scale * g["scale"]
            if not pretraining and not seeded:
                trainer.seed_last_link()
                seeded = True
            samples = [(listening if task == "listen" else speaking)[i] for i in group]
            with torch.autocast("cpu", torch.bfloat16):
                if pretraining:
                    loss, report = (trainer.listen if task == "listen" else trainer.speak)(samples, zipped=False)
                    task += " alone"
                else:
                    loss, report = trainer.listen(samples) if task == "listen" else trainer.speak(samples)
            optimizer.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), 1.0)
            if math.isfinite(norm):
                optimizer.step()
            step += 1
            history.append((task, len(samples), report))
            if step % 25 == 0:
                lines = []
                for kind in ("listen alone", "speak alone", "listen", "speak"):
                    of = [r for t, _, r in history if t == kind]
                    if of:
                        lines.append(kind + " " + " ".join(f"{k} {np.mean([r[k] for r in of]):.3f}" for k in of[0]))
                clips = sum(n for _, n, _ in history)
                print(f"{step} {now:.0f} s, {clips / (time.time() - measured_at):.2f} clips/s, norm {norm:.1f}: " + "; ".join(lines), flush=True)
                history, measured_at = [], time.time()
            if time.time() - saved_at > 240:
                save(trainer, optimizer, step, time.time() - began)
                saved_at = time.time()
                gates = " ".join(f"{math.tanh(l.gate.item()):.2f}" for l in trainer.zip.links)
                print(f"held out: {held_out(trainer, dev)}; gates {gates}", flush=True)
    save(trainer, optimizer, step, time.time() - began)


if __name__ == "__main__":
    main()
