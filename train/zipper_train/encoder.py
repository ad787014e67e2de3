"""whisper-base's log-mel and encoder in PyTorch, from the CTranslate2 file (third-party, frozen).

Source: Radford et al. 2022 (arXiv 2212.04356). Clips are followed by PAD_SECONDS of silence, not by 30 s.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import ct2, pinned

RATE = 16_000
HOP, WINDOW, MELS = 160, 400, 80
PAD_SECONDS = 0.5  # silence after every clip, in training and inference alike
SAMPLES_PER_TOKEN = 640  # 25 Hz


def mel_filters() -> np.ndarray:
    """Slaney's triangular filters, area-normalized. Returns [mels, 201]."""
    def to_hertz(mel):
        linear = 200.0 / 3 * mel
        return np.where(mel < 15, linear, 1000.0 * np.exp((mel - 15) * math.log(6.4) / 27))

    top = 15 + math.log(8000 / 1000) / (math.log(6.4) / 27)
    edges = to_hertz(np.linspace(0, top, MELS + 2))  # [mels + 2], hertz
    bins = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    rise = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    return (np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


FILTERS = torch.from_numpy(mel_filters())


def log_mel(samples: torch.Tensor) -> torch.Tensor:
    """Whisper's log-mel of one clip. samples [n] at 16 kHz, n a multiple of 160; returns [mels, n / 160]."""
    spectrum = torch.stft(samples, WINDOW, HOP, window=torch.hann_window(WINDOW), return_complex=True)
    mel = FILTERS @ spectrum[:, :-1].abs().square()
    logs = mel.clamp(min=1e-10).log10()
    return (torch.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0


def token_count(samples: int) -> int:
    """Speech tokens of a clip: one each begun 40 ms; the silence after it is dropped."""
    return max(1, math.ceil(samples / SAMPLES_PER_TOKEN))


def padded(samples: np.ndarray, seconds: float = PAD_SECONDS) -> torch.Tensor:
    """The clip filled up to whole tokens, then `seconds` of silence."""
    length = token_count(len(samples)) * SAMPLES_PER_TOKEN + int(seconds * RATE)
    out = torch.zeros(length)
    out[: len(samples)] = torch.from_numpy(np.asarray(samples, np.float32))
    return out


class Layer(nn.Module):
    """One pre-norm encoder layer, 8 heads of 64."""

    def __init__(self, weights: dict, name: str):
        super().__init__()
        def linear(part):
            w, b = weights[f"{name}/{part}/weight"], weights[f"{name}/{part}/bias"]
            module = nn.Linear(w.shape[1], w.shape[0])
            module.weight.data, module.bias.data = w, b
            return module
        def norm(part):
            module = nn.LayerNorm(512, eps=1e-5)
            module.weight.data, module.bias.data = weights[f"{name}/{part}/gamma"], weights[f"{name}/{part}/beta"]
            return module
        self.attention_norm, self.ffn_norm = norm("self_attention/layer_norm"), norm("ffn/layer_norm")
        self.qkv, self.out = linear("self_attention/linear_0"), linear("self_attention/linear_1")
        self.up, self.down = linear("ffn/linear_0"), linear("ffn/linear_1")

    def forward(self, x, mask):
        """x [batch, time, 512], mask [batch, 1, 1, time] (True: may be seen)."""
        b, t, d = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(b, t, 3, 8, 64).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.ffn_norm(x))))


class Encoder(nn.Module):
    """Log-mel to states at 50 Hz."""

    def __init__(self, weights: dict | None = None):
        super().__init__()
        w = weights or ct2.read(pinned.WHISPER / "model.bin")
        self.conv1 = nn.Conv1d(MELS, 512, 3, padding=1)
        self.conv2 = nn.Conv1d(512, 512, 3, padding=1, stride=2)
        for name in ("conv1", "conv2"):
            getattr(self, name).weight.data = w[f"encoder/{name}/weight"]
            getattr(self, name).bias.data = w[f"encoder/{name}/bias"]
        self.register_buffer("positions", w["encoder/position_encodings/encodings"])
        self.layers = nn.ModuleList(Layer(w, f"encoder/layer_{i}") for i in range(6))
        self.norm = nn.LayerNorm(512, eps=1e-5)
        self.norm.weight.data, self.norm.bias.data = w["encoder/layer_norm/gamma"], w["encoder/layer_norm/beta"]
        self.requires_grad_(False).eval()

    def forward(self, mel: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """mel [batch, mels, frames] zero-filled after each clip's own `frames` [batch]; returns [batch, frames / 2, 512]."""
        steps = torch.arange(mel.shape[2])
        x = F.gelu(self.conv1(mel.to(self.conv1.weight.dtype)))
        x = x * (steps < frames[:, None])[:, None]
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        mask = (torch.arange(x.shape[1]) < (frames[:, None] + 1) // 2)[:, None, None]
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)

    @torch.inference_mode()
    def encode(self, clips: list[np.ndarray], seconds: float = PAD_SECONDS) -> list[torch.Tensor]:
        """States of clips of like length, 50 Hz, silence included: a list of [time, 512] float32."""
        mels = [log_mel(padded(clip, seconds)) for clip in clips]
        frames = torch.tensor([mel.shape[1] for mel in mels])
        batch = torch.zeros(len(mels), MELS, int(frames.max()))
        for row, mel in zip(batch, mels):
            row[:, : mel.shape[1]] = mel
        states = self(batch, frames).float()
        return [row[: int(n) // 2] for row, n in zip(states, frames)]

