"""The zip: gated cross-attention between towers. No modality is named here; towers and links come from the config.

After Zayats et al. 2024 (arXiv 2405.18669). One sequence is made of spans, each of one tower. A position attends to its own
tower's past (self-attention) and, through the links, to every position of the other tower that precedes it in the sequence.

State (tower, layer), 1-based, is the output of that block *before* the links of that layer are added; it is what links
read. What goes on to the next block is the state plus all links that end there.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .tower import RMSNorm, Tower, rotate

HEAD = 64


@dataclass(frozen=True)
class LinkSpec:
    source: int  # tower index
    source_layer: int
    target: int
    target_layer: int
    heads: int = 6
    source_scale: float = 1.0  # RoPE position = index in the tower's own stream x scale
    target_scale: float = 1.0
    gain: float = 1.0  # typical magnitude of the target's states at that layer; folded into `o` on export


class Link(nn.Module):
    """target += tanh(gate) * o(attention(q(norm target), k(norm source), v(norm source)))."""

    def __init__(self, spec: LinkSpec, source_width: int, target_width: int, eps: float = 1e-5, base: float = 10_000.0):
        super().__init__()
        self.spec, self.base = spec, base
        inner = spec.heads * HEAD
        self.source_norm, self.target_norm = RMSNorm(source_width, eps), RMSNorm(target_width, eps)
        self.q = nn.Linear(target_width, inner, bias=False)
        self.k = nn.Linear(source_width, inner, bias=False)
        self.v = nn.Linear(source_width, inner, bias=False)
        self.o = nn.Linear(inner, target_width, bias=False)
        self.gate = nn.Parameter(torch.tensor(0.1))
        for module in (self.q, self.k, self.v, self.o):
            nn.init.normal_(module.weight, std=module.weight.shape[1] ** -0.5)

    def heads(self, x):
        return x.unflatten(-1, (self.spec.heads, HEAD)).transpose(1, 2)

    def keys_values(self, source, start: int = 0):
        """source [batch, time, width] to k (rotated), v [batch, heads, time, 64]: once a span, then kept."""
        x = self.source_norm(source).to(working_type(self.q))
        positions = torch.arange(start, start + source.shape[1]) * self.spec.source_scale
        return rotate(self.heads(self.k(x)), positions, self.base), self.heads(self.v(x)).float()

    def forward(self, target, keys_values, mask=None, start: int = 0):
        """target [batch, time, width]; mask broadcastable to [batch, 1, time, source time], True where seen.

        Returns what is to be added, and the attention's log-weights [batch, heads, time, source time].
        """
        x = self.target_norm(target).to(working_type(self.q))
        positions = torch.arange(start, start + target.shape[1]) * self.spec.target_scale
        q = rotate(self.heads(self.q(x)), positions, self.base)
        k, v = keys_values
        scores = q @ k.transpose(-1, -2) * HEAD**-0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e9)
        weights = scores.log_softmax(-1)
        y = weights.exp() @ v
        if mask is not None:
            y = y * mask.any(-1, keepdim=True)  # who sees nothing receives nothing
        out = self.o(y.transpose(1, 2).flatten(-2).to(working_type(self.o))).float()
        return torch.tanh(self.gate) * self.spec.gain * out, weights


def working_type(linear):
    return torch.bfloat16 if torch.is_autocast_enabled("cpu") else linear.weight.dtype


class Projection(nn.Module):
    """In front of a zipped tower: w2 relu(w1 x), alone (plain) or added through a gate from zero (residual)."""

    def __init__(self, kind: str, width: int):
        super().__init__()
        self.w1, self.w2 = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.gate = nn.Parameter(torch.tensor(0.0)) if kind == "residual" else None

    def forward(self, x):
        y = self.w2(F.relu(self.w1(x))).float()
        return y if self.gate is None else x + torch.tanh(self.gate) * y


class Zip(nn.Module):
    def __init__(self, towers: list[Tower], links: list[LinkSpec]):
        super().__init__()
        self.towers = nn.ModuleList(towers)
        self.links = nn.ModuleList(
            Link(s, towers[s.source].spec.width, towers[s.target].spec.width) for s in links)
        self.projections = nn.ModuleList(
            nn.Identity() if t.spec.projection == "none" else Projection(t.spec.projection, t.spec.width) for t in towers)
        refuse_cycles(links)

    def enter(self, tower: int, embedded):
        return self.projections[tower](embedded)

    def forward(self, spans: list[tuple[int, int]], inputs: dict, lengths: dict | None = None, known: dict | None = None):
        """spans: (tower, length) in order; inputs: tower -> embedded stream [batch, time, width] (its spans joined).

        lengths: tower -> [batch] true lengths where a stream is padded. known: (tower, layer) -> states computed before
        (a tower whose inputs are missing is read from there). Returns a `Run`.
        """
        alone = len({tower for tower, _ in spans}) == 1
        if not alone:
            inputs = {t: self.enter(t, x) for t, x in inputs.items()}
        return Run(self, spans, inputs, lengths or {}, known or {}, alone)


class Run:
    """One forward pass, evaluated as it is asked for: `logits(tower)`, `state(tower, layer)`, `attention[link]`."""

    def __init__(self, zip_, spans, inputs, lengths, known, alone):
        self.zip, self.spans, self.inputs, self.lengths, self.alone = zip_, spans, inputs, lengths, alone
        self.states, self.streams, self.attention = dict(known), {}, {}

    def state(self, tower: int, layer: int):
        """Output of a block before its links; layer 0 is the input."""
        if (tower, layer) not in self.states:
            if layer == 0:
                self.states[tower, 0] = self.inputs[tower]
            else:
                self.states[tower, layer] = self.zip.towers[tower].layers[layer - 1](self.stream(tower, layer - 1))
        return self.states[tower, layer]

    def stream(self, tower: int, layer: int):
        """Output of a block with its links added."""
        if (tower, layer) not in self.streams:
            x = self.state(tower, layer)
            for index, link in enumerate(self.zip.links):
                spec = link.spec
                if self.alone or (spec.target, spec.target_layer) != (tower, layer):
                    continue
                mask = span_mask(self.spans, tower, spec.source)
                if not mask.any():
                    continue
                mask = mask[None, None]
                if spec.source in self.lengths:
                    inside = torch.arange(mask.shape[-1]) < self.lengths[spec.source][:, None]
                    mask = mask & inside[:, None, None]
                keys_values = link.keys_values(self.state(spec.source, spec.source_layer))
                added, self.attention[index] = link(self.state(tower, layer), keys_values, mask)
                x = x + added
            self.streams[tower, layer] = x
        return self.streams[tower, layer]

    def last(self, tower: int):
        return self.stream(tower, len(self.zip.towers[tower].layers))

    def logits(self, tower: int):
        return self.zip.towers[tower].logits(self.last(tower))


def span_mask(spans: list[tuple[int, int]], target: int, source: int) -> torch.Tensor:
    """[target positions, source positions], True where the source position precedes the target's in the sequence."""
    order = {target: [], source: []}
    at = 0
    for tower, length in spans:
        if tower in order:
            order[tower] += range(at, at + length)
        at += length
    return torch.tensor(order[source])[None] < torch.tensor(order[target])[:, None]


def refuse_cycles(links: list[LinkSpec]) -> None:
    """A link may not read a state that, through other links, depends on the state it feeds."""
    def feeds(tower, layer):
        return [(s.source, s.source_layer) for s in links if s.target == tower and s.target_layer < layer]

    def visit(node, path):
        if any(node[0] == t and node[1] >= l for t, l in path):
            raise ValueError(f"links form a cycle through tower {node[0]}, layer {node[1]}")
        for source in feeds(*node):
            visit(source, [*path, node])

    for spec in links:
        visit((spec.target, spec.target_layer + 1), [])
