"""Alignment, attention windows, Q8_0, FSQ packing: small things that everything rests on."""
import numpy as np
import torch

from zipper_train.align import characters_heard, spelled_positions, viterbi
from zipper_train.batches import batches
from zipper_train.guide import guide_loss
from zipper_train.q8 import dequantize, quantize
from zipper_train.quantizer import CODES, Quantizer
from zipper_train.text import CHARACTERS, normalize, spelled


def test_spelling_and_normalization_agree():
    for text in ["Don't -- well-known, A  b!", "Who’s there? 'Tis I.", "  spaces\tand (brackets) "]:
        kept = "".join(CHARACTERS[c - 1] for c, _ in spelled_positions(text)).strip()
        assert kept == normalize(text)
    assert spelled("at 7:30") is None


def test_viterbi_finds_the_planted_path():
    logs = np.full((12, 29), np.log(0.01))
    for frame, c in enumerate([0, 3, 3, 0, 3, 2, 2, 0, 0, 5, 5, 0]):
        logs[frame, c] = 0
    assert viterbi(logs, [3, 3, 2, 5]).tolist() == [0, 0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3]
    assert viterbi(logs[:2], [3, 3, 2]) is None
    text = "b-b, a d"
    assert characters_heard(np.full((20, 29), -3.0), text) is not None


def test_q8_is_within_half_a_step():
    matrix = torch.randn(7, 96)
    codes, scale = quantize(matrix)
    error = (dequantize(codes, scale) - matrix).abs().unflatten(1, (-1, 32)).amax(-1)
    assert codes.dtype == torch.int8 and (error <= 0.52 * scale.float() + 127 * 2**-11 * scale.float()).all()
    assert torch.equal(dequantize(*quantize(torch.zeros(2, 32))), torch.zeros(2, 32))


def test_codes_pack_and_unpack():
    quantizer = Quantizer()
    ids = torch.arange(CODES)
    digits = quantizer.unpack(ids)
    assert digits.min() == -2 and digits.max() == 2
    assert torch.equal(quantizer.pack(digits), ids)


def test_guide_is_zero_only_inside_the_window():
    logs = torch.full((1, 2, 3, 10), -1e9)
    logs[..., 4] = 0
    inside, outside = np.array([[3, 5]] * 3), np.array([[6, 8]] * 3)
    assert guide_loss(logs, [inside], 2).abs() < 1e-6
    assert guide_loss(logs, [outside], 2) > 5
    assert guide_loss(logs, [None], 2) == 0


def test_batches_hold_every_clip_once():
    lengths = list(np.random.default_rng(0).integers(5, 200, 300))
    groups = batches(lengths, 1000, 3)
    assert sorted(i for g in groups for i in g) == list(range(300))
    assert all(max(lengths[i] for i in g) * len(g) <= 1000 for g in groups if len(g) > 1)
