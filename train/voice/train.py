"""Trains the voices: tokens to what the decoder reads (acoustic decoder), and that to a spectrum (decoder).

    python -m voice.train --steps 1500

The first voice learns from hibari's decoder inputs and from what hibari's decoder makes of them; the others from Kokoro's sound, its pitch and its
energy. The acoustic decoder starts from the body that `train_quantizer` trained, the decoder from hibari's. Resumes exactly from
$ZIPPER_DATA/train/voice/acoustic.pt.
"""
import argparse
import math
import time

import numpy as np
import torch

from zipper_train.batches import batches
from zipper_train.checkpoint import keep, restore
from zipper_train.data import HELD_OUT
from zipper_train.quantizer import CODES
from zipper_train.train_quantizer import load_tokens

from .clips import NAMES, heart_clips, other_clips, stack_codes
from .decoder import CONTENT, ENERGY, PITCH, Acoustic, Decoder
from .loss import THRESHOLD, channel_loss, mean, targets_of
from .synthesis import pulses, source_spectrum, spectrum, window
from .synthesis import HOP, RATE, SIZE
from .targets import TARGETS
from .teacher import decoder_weights

CHECKPOINT = TARGETS.parent / "acoustic.pt"
QUIETEST = -4.0  # log-magnitude below which a difference is not heard
ENERGY_SCALE = 5.0  # Kokoro's energy in the decoder's channel


class Voices(torch.nn.Module):
    def __init__(self, dropout: float = 0.0):
        super().__init__()
        self.acoustic, self.decoder = Acoustic(len(NAMES), dropout), Decoder(len(NAMES))

    @torch.no_grad()
    def start(self) -> None:
        """The body that learnt to read the codes, a row for each code; hibari's decoder."""
        tokens = load_tokens()
        own = self.acoustic.state_dict()
        own.update({n: v for n, v in tokens.body.state_dict().items() if n not in ("code.weight", "voices.weight")})
        own["code.weight"] = tokens.enter(tokens.quantizer.unpack(torch.arange(CODES)) / tokens.quantizer.reach)
        self.acoustic.load_state_dict(own)
        self.decoder.start_from(decoder_weights())


def given(found, pitch, energy, voiced):
    """The decoder's input with the true pitch and energy: [batch, frames, 130]."""
    return torch.cat((found[..., :CONTENT], (pitch * voiced)[..., None], energy[..., None]), -1)


def heart_loss(model, teacher, clips) -> tuple[torch.Tensor, dict]:
    codes, mask, voices = stack_codes(clips)
    with torch.autocast("cpu", torch.bfloat16):
        found = model.acoustic(codes, voices, mask).float()
    target, inside, _ = targets_of(found, clips)
    loss, report = channel_loss(found, target, inside)
    voiced = (target[..., PITCH] > THRESHOLD).float() * inside
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            wanted = teacher(target, voices).float()
        made = model.decoder(given(found, target[..., PITCH], target[..., ENERGY], voiced), voices).float()
    away = lambda part: (made[..., part, :].clamp(min=QUIETEST) - wanted[..., part, :].clamp(min=QUIETEST)).abs().mean(-1)
    turned = (made[..., 1, :].tanh() - wanted[..., 1, :].tanh()).abs().mean(-1)
    phase = ((1 - (made[..., 4, :] - wanted[..., 4, :]).cos()) * (wanted[..., 3, :] > QUIETEST)).mean(-1)
    spectral = mean(away(0) + 0.3 * turned, voiced) + mean(away(2) + 0.5 * away(3) + 0.2 * phase, inside)
    return 0.5 * loss + 2 * spectral, report | {"spectral": spectral.item()}


def bands(count: int = 100) -> torch.Tensor:
    """Triangular bands on the mel scale over the bins: [bands, 601]."""
    mel = lambda hz: 1127 * math.log(1 + hz / 700)
    edges = 700 * (torch.linspace(mel(40), mel(RATE / 2), count + 2) / 1127).exp() - 700
    hz = torch.arange(SIZE // 2 + 1) * RATE / SIZE
    rise = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    weights = torch.minimum(rise, fall).clamp(min=0)
    return weights / weights.sum(1, keepdim=True).clamp(min=1e-6)


BANDS = bands()


def loudness(magnitude):
    """[batch, 601, frames] magnitudes to log bands and log bins."""
    return ((BANDS @ magnitude.square()) + 3e-4).log() / 2, (magnitude + 3e-2).log()


def other_loss(model, clips, seed: int) -> tuple[torch.Tensor, dict]:
    codes, mask, voices = stack_codes(clips)
    with torch.autocast("cpu", torch.bfloat16):
        found = model.acoustic(codes, voices, mask).float()
    batch, frames = found.shape[:2]
    f0, energy, inside, audio = torch.zeros(batch, frames), torch.zeros(batch, frames), torch.zeros(batch, frames), torch.zeros(batch, frames * HOP)
    for i, c in enumerate(clips):
        n = min(len(c.f0), frames)
        f0[i, :n], energy[i, :n], inside[i, :n] = torch.from_numpy(c.f0[:n]).float(), torch.from_numpy(c.energy[:n]).float() / ENERGY_SCALE, 1
        m = min(len(c.audio), frames * HOP)
        audio[i, :m] = torch.from_numpy(c.audio[:m]).float()
    pitch = (1 + f0).log() / 5
    target = torch.cat((found[..., :CONTENT].detach(), pitch[..., None], energy[..., None]), -1)
    loss, report = channel_loss(found, target, inside)
    voiced = (pitch > THRESHOLD).float() * inside
    with torch.autocast("cpu", torch.bfloat16):
        made = model.decoder(given(found, pitch, energy, voiced), voices).float()
    with torch.no_grad():
        source = source_spectrum(pulses(f0 * voiced), frames)
        wanted = torch.stft(audio, SIZE, HOP, window=window(), return_complex=True)[..., :frames].abs()
        z = torch.view_as_complex(torch.randn(batch, SIZE // 2 + 1, frames, 2, generator=torch.Generator().manual_seed(seed)))
    magnitude = (spectrum(made, source, z).abs().square() + 1e-9).sqrt()
    spectral = sum(mean((a - b).abs().mean(1), inside) for a, b in zip(loudness(magnitude), loudness(wanted)))
    return 0.5 * loss + 2 * spectral, {"other pitch": report["pitch"], "other wrong": report["wrong"], "other spectral": spectral.item()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--tokens", type=int, default=1200, help="a batch, of the first voice and of the others each")
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--decoder-rate", type=float, default=0.4, help="the decoder's rate, of the acoustic decoder's")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model, average = Voices(dropout=0.05), Voices().requires_grad_(False).eval()
    model.start()
    average.load_state_dict(model.state_dict())
    teacher = Decoder(1).requires_grad_(False).eval()
    teacher.start_from(decoder_weights())
    optimizer = torch.optim.AdamW([{"params": model.acoustic.parameters(), "scale": 1.0}, {"params": model.decoder.parameters(), "scale": options.decoder_rate}],
                                  lr=options.rate, weight_decay=0.01, betas=(0.9, 0.98))
    step, spent, began = restore(CHECKPOINT, model=model, average=average, optimizer=optimizer)
    hearts, others = heart_clips(), other_clips()
    held, hearts = hearts[:HELD_OUT], hearts[HELD_OUT:]
    hours = lambda clips: sum(len(c.codes) for c in clips) / 90000
    print(f"{len(hearts)} clips of the first voice, {hours(hearts):.2f} h; {len(others)} of the others, {hours(others):.2f} h", flush=True)
    first = [b for epoch in range(20) for b in batches([len(c.codes) for c in hearts], options.tokens, epoch)]
    second = [b for epoch in range(400) for b in batches([len(c.codes) for c in others], options.tokens, epoch)]
    reports = []
    while step < options.steps:
        torch.manual_seed(step)
        for g in optimizer.param_groups:
            g["lr"] = options.rate * g["scale"] * min(1, (step + 1) / 100) * max(0.01, 1 - step / options.steps)
        loss, report = heart_loss(model, teacher, [hearts[i] for i in first[step]])
        more, about = other_loss(model, [others[i] for i in second[step]], step)
        optimizer.zero_grad()
        (loss + more).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        decay = min(0.995, step / (step + 20))
        for a, p in zip(average.state_dict().values(), model.state_dict().values()):
            a.lerp_(p, 1 - decay)
        reports.append(report | about)
        if step % 25 == 0:
            print(f"{step} {spent + time.time() - began:.0f} s: " + " ".join(f"{k} {np.mean([r[k] for r in reports]):.3f}" for k in reports[0]), flush=True)
            reports = []
        if step % 100 == 0 or step == options.steps:
            keep(CHECKPOINT, step, spent + time.time() - began, model=model, average=average, optimizer=optimizer)
            with torch.no_grad():
                print("held out: " + " ".join(f"{k} {v:.3f}" for k, v in heart_loss(average, teacher, held)[1].items()), flush=True)


if __name__ == "__main__":
    main()
