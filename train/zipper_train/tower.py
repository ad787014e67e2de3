"""A tower: a decoder-only transformer (RMSNorm, interleaved RoPE, grouped-query attention, SwiGLU). No modality is named here.

Sources: Touvron et al. 2023 (arXiv 2302.13971); Su et al. 2021 (RoPE, pairs (2i, 2i + 1)); Shazeer 2020 (SwiGLU).
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class TowerSpec:
    name: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    ffn: int
    vocabulary: int
    rope_base: float = 10_000.0
    eps: float = 1e-5
    tied: bool = False
    projection: str = "none"  # in front of the tower when zipped: none, plain or residual
    features: int = 0  # width of a continuous input that may accompany a token
    head_width: int = 64


def rms_norm(x, weight, eps: float):
    """x / rms(x) * weight over the last axis, in float32."""
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


class RMSNorm(nn.Module):
    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return rms_norm(x, self.weight.float(), self.eps)


def rotate(x, positions, base: float):
    """RoPE on interleaved pairs. x [batch, heads, time, 64], positions [time] (any real number)."""
    half = x.shape[-1] // 2
    frequency = base ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = positions.float()[:, None] * frequency
    cos, sin = angle.cos(), angle.sin()
    a, b = x.float().unflatten(-1, (half, 2)).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Block(nn.Module):
    """x + attention(norm(x)), then x + swiglu(norm(x)). The residual stream stays float32."""

    def __init__(self, spec: TowerSpec):
        super().__init__()
        self.spec = spec
        inner, kv = spec.heads * spec.head_width, spec.kv_heads * spec.head_width
        self.attention_norm, self.ffn_norm = RMSNorm(spec.width, spec.eps), RMSNorm(spec.width, spec.eps)
        self.q = nn.Linear(spec.width, inner, bias=False)
        self.k = nn.Linear(spec.width, kv, bias=False)
        self.v = nn.Linear(spec.width, kv, bias=False)
        self.o = nn.Linear(inner, spec.width, bias=False)
        self.gate = nn.Linear(spec.width, spec.ffn, bias=False)
        self.up = nn.Linear(spec.width, spec.ffn, bias=False)
        self.down = nn.Linear(spec.ffn, spec.width, bias=False)

    def forward(self, x, cache: dict | None = None):
        """x [batch, time, width]; causal. With a cache, x continues what the cache holds."""
        spec, dtype = self.spec, self.q.weight.dtype
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.bfloat16
        y = self.attention_norm(x).to(dtype)
        heads = lambda z, n: z.unflatten(-1, (n, spec.head_width)).transpose(1, 2)
        q, k, v = heads(self.q(y), spec.heads), heads(self.k(y), spec.kv_heads), heads(self.v(y), spec.kv_heads)
        start = cache["k"].shape[2] if cache else 0
        positions = torch.arange(start, start + x.shape[1])
        q, k = rotate(q, positions, spec.rope_base).to(v.dtype), rotate(k, positions, spec.rope_base).to(v.dtype)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache["k"], k), 2), torch.cat((cache["v"], v), 2)
            cache["k"], cache["v"] = k, v
        groups = spec.heads // spec.kv_heads
        if groups > 1:
            k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        if start == 0:
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            seen = torch.arange(k.shape[2]) <= positions[:, None]
            z = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = x + self.o(z.transpose(1, 2).flatten(-2)).float()
        y = self.ffn_norm(x).to(dtype)
        return x + self.down(F.silu(self.gate(y)) * self.up(y)).float()


class Tower(nn.Module):
    def __init__(self, spec: TowerSpec):
        super().__init__()
        self.spec = spec
        self.embedding = nn.Embedding(spec.vocabulary, spec.width)
        self.layers = nn.ModuleList(Block(spec) for _ in range(spec.layers))
        self.norm = RMSNorm(spec.width, spec.eps)
        if not spec.tied:
            self.head = nn.Linear(spec.width, spec.vocabulary, bias=False)
        if spec.features:
            self.feature_in = nn.Linear(spec.features, spec.width, bias=False)
        self.apply(start)

    def embed(self, ids, features=None):
        """ids [batch, time], features [batch, time, spec.features] or None; returns [batch, time, width] float32."""
        x = self.embedding(ids).float()
        return x if features is None else x + self.feature_in(features).float()

    def logits(self, x):
        """Final norm and output head. x [batch, time, width]."""
        weight = self.embedding.weight if self.spec.tied else self.head.weight
        y = self.norm(x)
        return F.linear(y.to(weight.dtype), weight).float()

    def forward(self, ids, features=None):
        """The tower alone: logits [batch, time, vocabulary]."""
        x = self.embed(ids, features)
        for layer in self.layers:
            x = layer(x)
        return self.logits(x)


def start(module):
    """Initial weights: normal, 1 / sqrt(inputs)."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.weight.shape[1] ** -0.5 * 0.7)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.5)
