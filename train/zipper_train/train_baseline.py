"""The paper's baseline: one decoder for both, the text tower with the speech vocabulary added and every block trained.

    python -m zipper_train.train_baseline --minutes 40

Reads the same clips in the same order as the zip does, a stream a clip: START, speech tokens, 0, sub-words, 0 when listening (with the same features beside the tokens); 0, a token a byte, 0, START, speech
tokens, END when speaking. Cheap settings: the rows of the text's vocabulary stay as they were, no augmented loss, no forced alignment. Resumes from $ZIPPER_DATA/train/baseline.pt and ends when the
minutes are spent; the rate falls linearly with them. Then writes $ZIPPER_DATA/train/baseline.json: what `train_zip` measures on held-out clips, WER, and what became of the text alone.
"""
import argparse
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import gguf_tower
from .checkpoint import keep, restore
from .evaluate import rates
from .model import END, START
from .paths import REPOSITORY, TRAIN
from .train_zip import material, plan

CHECKPOINT = TRAIN / "baseline.pt"
ROWS = 3136


def heard(sample) -> tuple:
    """A clip as the part of a stream that is listened to."""
    return "speech", [START, *sample.codes], F.pad(torch.from_numpy(np.asarray(sample.features, np.float32)), (0, 0, 1, 0))


class Single(nn.Module):
    """One decoder whose vocabulary holds sub-words and speech tokens."""

    def __init__(self):
        super().__init__()
        self.tower = gguf_tower.load(torch.float32).requires_grad_(True)
        self.tower.embedding.requires_grad_(False)
        width = self.tower.spec.width
        self.speech = nn.Embedding(ROWS, width)
        nn.init.normal_(self.speech.weight, std=self.tower.embedding.weight.std().item())
        self.head = nn.Linear(width, ROWS, bias=False)
        self.feature_in = nn.Linear(384, width, bias=False)
        nn.init.normal_(self.feature_in.weight, std=0.005)
        self.rng = np.random.default_rng(0)

    def embed(self, stream: list[tuple]) -> torch.Tensor:
        """What the blocks read of a stream, [time, width]."""
        parts = []
        for kind, ids, features in stream:
            x = (self.speech if kind == "speech" else self.tower.embedding)(torch.as_tensor(np.asarray(ids, np.int64)))
            parts.append(x if features is None else x + self.feature_in(features).float())
        return torch.cat(parts)

    def hidden(self, streams: list[list[tuple]]) -> torch.Tensor:
        """Last states [batch, time, width] of streams made of parts ("text" or "speech", ids, features or None)."""
        x = nn.utils.rnn.pad_sequence([self.embed(stream) for stream in streams], batch_first=True)
        for block in self.tower.layers:
            x = block(x)
        return self.tower.norm(x)

    def listen(self, samples) -> tuple[torch.Tensor, dict]:
        streams, targets = [], []
        for s in samples:
            words = gguf_tower.encode(s.text)
            streams.append([heard(s), ("text", [gguf_tower.END, *words], None)])
            targets.append((1 + len(s.codes), [*words, gguf_tower.END]))
        return self.loss(streams, targets, self.tower.embedding.weight, "written", "right")

    def speak(self, samples) -> tuple[torch.Tensor, dict]:
        streams, targets = [], []
        for s in samples:
            read_ = [gguf_tower.END, *gguf_tower.spell(s.text), gguf_tower.END]
            streams.append([("text", read_, None), ("speech", [START, *s.codes], None)])
            targets.append((len(read_), [*s.codes, END]))
        return self.loss(streams, targets, self.head.weight, "spoken", "hit")

    def loss(self, streams, targets, head, name: str, hit: str) -> tuple[torch.Tensor, dict]:
        """Cross-entropy of the second modality; over sub-words with the zip's sampled softmax."""
        hidden = self.hidden(streams)
        x = torch.cat([row[at : at + len(t)] for row, (at, t) in zip(hidden, targets)])
        target = torch.cat([torch.as_tensor(np.asarray(t, np.int64)) for _, t in targets])
        if len(head) > ROWS:
            own = {0, *target.tolist()} | set(self.rng.integers(0, len(head), 3000).tolist()) | set(range(2000))
            rows = torch.tensor(sorted(own))
            head, target = head[rows], torch.searchsorted(rows, target)
        logits = F.linear(x.bfloat16(), head.bfloat16()).float()
        loss = F.cross_entropy(logits, target)
        return loss, {name: loss.item(), hit: (logits.argmax(-1) == target).float().mean().item()}

    @torch.no_grad()
    def transcript(self, sample) -> str:
        """Greedy."""
        x = self.embed([heard(sample), ("text", [gguf_tower.END], None)])[None]
        caches, out = [{} for _ in self.tower.layers], []
        for _ in range(4 + len(sample.codes)):
            for block, cache in zip(self.tower.layers, caches):
                x = block(x, cache)
            token = int(F.linear(self.tower.norm(x[:, -1]), self.tower.embedding.weight).argmax())
            if token == gguf_tower.END:
                break
            out.append(token)
            x = self.tower.embedding(torch.tensor([[token]]))
        return gguf_tower.tokenizer().decode(out).strip()


@torch.no_grad()
def perplexity(tower) -> float:
    """Of text alone, a sub-word, on the 200 sentences of `tests/sentences`, which no clip says."""
    lines = (REPOSITORY / "tests" / "sentences" / "stop_rule.txt").read_text().splitlines()
    total, count = 0.0, 0
    for line in lines:
        ids = torch.tensor([[0, *gguf_tower.encode(line)]])
        logits = tower(ids)[0, :-1]
        total += F.cross_entropy(logits.float(), ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
    return math.exp(total / count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--frames", type=int, default=600, help="25 Hz frames a batch")
    parser.add_argument("--rate", type=float, default=3e-4, help="of the pretrained blocks; what is new learns three times as fast")
    parser.add_argument("--clips", type=int, default=16, help="clips of each development set whose WER is measured")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model = Single()
    with torch.autocast("cpu", torch.bfloat16):
        before = perplexity(model.tower)
    new = [p for n, p in model.named_parameters() if not n.startswith("tower.")]
    old = [p for n, p in model.named_parameters() if n.startswith("tower.") and p.requires_grad]
    optimizer = torch.optim.AdamW([{"params": old, "scale": 1.0}, {"params": new, "scale": 3.0}], lr=options.rate, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent, began = restore(CHECKPOINT, weights=model, optimizer=optimizer)
    data, dev = material()
    hibari = dev.pop("hibari")[:12]
    share = lambda: (spent + time.time() - began) / 60 / options.minutes
    walked, epoch, history = 0, 0, []
    while share() < 1:
        for task, samples in plan(data, epoch, options.frames):
            walked += 1
            if walked <= step or task.endswith("alone"):
                step = max(step, walked)
                continue
            if share() >= 1:
                break
            model.rng = np.random.default_rng([5, walked])
            for g in optimizer.param_groups:
                g["lr"] = options.rate * g["scale"] * min(1, walked / 50) * max(0.02, min(1, 1.4 * (1 - share())))
            with torch.autocast("cpu", torch.bfloat16):
                loss, report = (model.listen if task == "listen" else model.speak)(samples)
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_([*old, *new], 1.0)
            if math.isfinite(norm):
                optimizer.step()
            step = walked
            history.append(report)
            if len(history) == 25:
                means = {k: float(np.mean([r[k] for r in history if k in r])) for k in ("written", "right", "spoken", "hit") if any(k in r for r in history)}
                print(f"{step} {spent + time.time() - began:.0f} s: " + " ".join(f"{k} {v:.3f}" for k, v in means.items()), flush=True)
                history = []
            if step % 200 == 0:
                keep(CHECKPOINT, step, spent + time.time() - began, weights=model, optimizer=optimizer)
        epoch += 1
    keep(CHECKPOINT, step, spent + time.time() - began, weights=model, optimizer=optimizer)

    model.rng = np.random.default_rng(5)
    report = {"batches": step, "minutes": round((spent + time.time() - began) / 60, 1), "frames_a_batch": options.frames, "trainable": sum(p.numel() for p in [*old, *new]), "listen": {}}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        report["text_perplexity"] = {"before": round(before, 2), "after": round(perplexity(model.tower), 2)}
        for part, samples in dev.items():
            forced = model.listen(samples[:12])[1]
            pairs = [(s.text, model.transcript(s)) for s in samples[: options.clips]]
            report["listen"][part] = {k: round(v, 4) for k, v in forced.items()} | {"wer": round(rates(*zip(*pairs)), 4), "examples": pairs[:3]}
        report["speak"] = {name: {k: round(v, 4) for k, v in model.speak(samples)[1].items()} for name, samples in (("kathleen", dev["kathleen"][:12]), ("hibari", hibari))}
    (TRAIN / "baseline.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
