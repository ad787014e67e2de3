"""The voice: pulses against the sum of their harmonics, the noise, the transforms, the reach, and the exported weights against the recorded boundaries."""
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from voice import synthesis
from voice.clips import NAMES
from voice.decoder import Acoustic, Decoder, frame_count, gated, hertz
from voice.export import REFERENCE_SEED
from zipper_train import q8
from zipper_train.paths import MODEL

REACH = 24  # tokens on both sides, docs/voice.md


def decibels(wanted, found) -> float:
    wanted, found = wanted.double(), found.double()
    return float(10 * torch.log10((wanted**2).sum() / ((wanted - found) ** 2).sum()))


@pytest.fixture(scope="module")
def exported():
    packed = load_file(MODEL / "voice.safetensors")
    return q8.put_back(Acoustic(len(NAMES)), packed, "acoustic."), q8.put_back(Decoder(len(NAMES)), packed, "decoder.")


@torch.no_grad()
def sound(acoustic, decoder, codes):
    features = gated(acoustic(codes[None].long(), torch.tensor([0])))
    return synthesis.sound(decoder(features, torch.tensor([0])), hertz(features), REFERENCE_SEED)[0]


def test_pulses_are_the_sum_of_their_harmonics():
    f0 = torch.tensor([[0.0, 0.0, 120.0, 180.0, 230.0, 230.0, 0.0]])
    found, f = synthesis.pulses(f0)[0].double(), synthesis.per_sample(f0)[0].double()
    turns = f.clamp(min=synthesis.UNVOICED).cumsum(0) / synthesis.RATE
    harmonics = torch.arange(1, 1 + int(synthesis.HIGHEST / synthesis.UNVOICED))[:, None]
    wanted = (torch.cos(2 * math.pi * harmonics * turns) * (harmonics * f <= synthesis.HIGHEST)).sum(0) * (f > synthesis.UNVOICED)
    assert decibels(wanted, found) > 40
    assert (found[f <= synthesis.UNVOICED] == 0).all() and (found[:300] == 0).all()


def test_noise_is_normal_and_depends_only_on_seed_frame_and_bin():
    z = synthesis.noise(3, 0, 200)
    for part in (z.real, z.imag):
        assert abs(part.mean()) < 0.01 and abs(part.std() - 1) < 0.01
    assert abs((z.real * z.imag).mean()) < 0.01 and abs((z[:, 1:] * z[:, :-1].conj()).mean()) < 0.02
    assert torch.equal(z[:, 50:60], synthesis.noise(3, 50, 10))
    assert not torch.equal(z, synthesis.noise(4, 0, 200))


def test_inverse_gives_back_a_sound():
    wave = torch.randn(1, 300 * 40, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(wave[:, None], (600, 600), mode="reflect")[:, 0]
    s = torch.stft(padded, synthesis.SIZE, synthesis.HOP, window=synthesis.window(), center=False, return_complex=True)[..., :40]
    # The last two frames' neighbours are cut off: what they alone hold is not compared.
    assert decibels(wave[:, :-900], synthesis.inverse(s)[:, :-900]) > 80


def test_exported_weights_give_the_recorded_boundaries(exported):
    acoustic, decoder = exported
    kept = load_file(MODEL / "reference" / "voice.safetensors")
    voice, codes = torch.tensor([0]), kept["codes"].long()
    with torch.no_grad():
        found = acoustic(codes[None], voice)
        hidden = decoder.hidden(gated(found), voice)
        train = synthesis.pulses(hertz(gated(found)))
    assert decibels(kept["acoustic"], found[0]) > 80
    assert decibels(kept["hidden"], hidden[0]) > 80
    assert decibels(kept["pulses"], train[0]) > 40
    z = torch.view_as_real(synthesis.noise(REFERENCE_SEED, 40, 4).T.contiguous())
    assert torch.allclose(kept["noise"], z, atol=1e-5)
    # Sound hangs on F0's running sum, where rounding adds up.
    assert decibels(kept["audio"], sound(acoustic, decoder, codes)) > 40


def test_no_token_beyond_the_reach_changes_a_frame(exported):
    acoustic, decoder = exported
    voice, changed = torch.tensor([0]), 80
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 3125, 2 * changed))
    other = codes.clone()
    other[changed:] = torch.from_numpy(np.random.default_rng(2).integers(0, 3125, changed))
    with torch.no_grad():
        one, two = (decoder.hidden(gated(acoustic(c[None], voice)), voice)[0] for c in (codes, other))
    safe = frame_count(changed - REACH)
    assert torch.allclose(one[:safe], two[:safe], atol=1e-4)
    assert not torch.allclose(one[: frame_count(changed)], two[: frame_count(changed)], atol=1e-4)


def test_sound_is_960_samples_a_token(exported):
    for tokens in (5, 7, 30):
        audio = sound(*exported, torch.arange(tokens))
        assert len(audio) >= 960 * tokens and len(audio) - 960 * tokens < synthesis.HOP
        assert torch.isfinite(audio).all()


def test_decoder_is_the_teachers():
    pytest.importorskip("hibari")
    from voice.teacher import Teacher, decoder_weights
    teacher = Teacher()
    run = teacher.run(teacher.voice.phonemize("The quick brown fox jumps over the lazy dog.")[0], 1.0)
    decoder = Decoder().eval()
    decoder.start_from(decoder_weights())
    with torch.no_grad():
        parts = decoder(torch.from_numpy(run["features"])[None], torch.tensor([0]))[0]
    # The teacher computes in int8, we in float32: what differs is its rounding.
    for number, name in enumerate(("lh", "ln", "lr")):
        assert decibels(torch.from_numpy(run[name]), parts[:, (0, 2, 3)[number]].T) > 35, name
