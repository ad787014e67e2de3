"""A spectrum's parts to sound: harmonics of F0, noise and a free part, one inverse STFT. docs/voice.md, section C.

After hibari-tts's synthesis (Apache-2.0), but for the noise: it comes from a hash of (seed, frame, bin), so that every machine makes the same.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

RATE, SIZE, HOP, BINS = 24_000, 1200, 300, 601
UNVOICED = 40.0  # Hz
HIGHEST = 11_000.0  # Hz, of a harmonic
LOUDEST = 7.0  # of a log-magnitude


def window():
    return torch.hann_window(SIZE, periodic=True)


def per_sample(f0):
    """F0 [batch, frames] to [batch, 300 frames], linear between the frames' middles, held at the ends."""
    padded = F.pad(f0[:, None], (1, 1), mode="replicate")[:, 0]
    at = (torch.arange(HOP) + 0.5) / HOP - 0.5
    share = at % 1.0
    early = at < 0
    left = torch.where(early[None, None], padded[:, :-2, None], padded[:, 1:-1, None])
    right = torch.where(early[None, None], padded[:, 1:-1, None], padded[:, 2:, None])
    return (left * (1 - share) + right * share).flatten(1)


def pulses(f0):
    """Every harmonic of F0 below 11 kHz at unit amplitude. f0 [batch, frames] Hz; returns [batch, 300 frames], 0 where unvoiced.

    Their sum is sin((H + 1/2) t) / (2 sin(t / 2)) - 1/2.
    """
    f = per_sample(f0)
    voiced = f > UNVOICED
    f = f.clamp(min=UNVOICED)
    turns = (f.double().cumsum(1) / RATE) % 1.0
    t = (turns * 2 * math.pi).float()
    count = (HIGHEST / f).floor() + 0.5
    below = 2 * (t * 0.5).sin()
    flat = below.abs() <= 2e-3
    train = torch.where(flat, count, (count * t).sin() / torch.where(flat, 1.0, below)) - 0.5
    return torch.where(voiced, train, 0.0)


def source_spectrum(train, frames: int):
    """STFT of the pulses, a unit cosine peaking at 1: [batch, 601, frames] complex."""
    padded = F.pad(train[:, None], (SIZE // 2, SIZE // 2), mode="reflect")[:, 0]
    return torch.stft(padded, SIZE, HOP, window=window() / (SIZE / 4), center=False, return_complex=True)[..., :frames]


def hashed(x: np.ndarray) -> np.ndarray:
    """PCG output hash of 32-bit numbers (Jarzynski & Olano 2020)."""
    x = x * np.uint32(747796405) + np.uint32(2891336453)
    word = ((x >> ((x >> np.uint32(28)) + np.uint32(4))) ^ x) * np.uint32(277803737)
    return (word >> np.uint32(22)) ^ word


def noise(seed: int, first: int, frames: int) -> torch.Tensor:
    """Complex normal noise of frames `first`.., unit variance in each part: [601, frames]."""
    with np.errstate(over="ignore"):
        frame = np.arange(first, first + frames, dtype=np.uint32)[None]
        cell = hashed(frame + hashed(np.array([seed], np.uint32))[None]) + np.arange(BINS, dtype=np.uint32)[:, None]
        a = hashed(cell)
        b = hashed(a ^ np.uint32(0x9E3779B9))
    u = ((a >> np.uint32(8)).astype(np.float32) + 0.5) / 16777216.0
    v = (b >> np.uint32(8)).astype(np.float32) / 16777216.0
    radius, angle = np.sqrt(-2 * np.log(u)), np.float32(2 * np.pi) * v
    return torch.from_numpy(radius * np.cos(angle) + 1j * (radius * np.sin(angle))).to(torch.complex64)


def spectrum(parts, source, z):
    """parts [batch, frames, 5, 601], source and z [(batch,) 601, frames] complex; returns [batch, 601, frames] complex."""
    lh, theta, ln, lr, phi = (p.transpose(1, 2) for p in parts.float().unbind(2))
    loud = lambda x: x.clamp(max=LOUDEST).exp()
    turned = torch.polar(loud(lh), math.pi * theta.tanh())
    return turned * source + loud(ln) * z + torch.polar(loud(lr), phi)


def inverse(s):
    """Inverse STFT, [batch, 601, frames] to [batch, 300 frames]: windowed overlap-add over the window's square sum, frame j centred at sample 300 j."""
    frames = s.shape[-1]
    pieces = torch.fft.irfft(s, SIZE, dim=1) * window()[:, None]
    length = (frames - 1) * HOP + SIZE
    fold = lambda x: F.fold(x, (1, length), (1, SIZE), stride=(1, HOP))[:, 0, 0]
    total = fold(pieces) / fold((window() ** 2)[None, :, None].expand(1, -1, frames)).clamp(min=1e-11)
    return total[:, SIZE // 2 : SIZE // 2 + frames * HOP]


def sound(parts, f0, seed: int = 0):
    """parts [1, frames, 5, 601], f0 [1, frames] to samples [1, 300 frames] at 24 kHz."""
    frames = f0.shape[1]
    return inverse(spectrum(parts, source_spectrum(pulses(f0), frames), noise(seed, 0, frames)))
