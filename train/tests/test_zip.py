"""The zip's promises: masks, one modality alone, causality, spans equal to separate runs."""
import torch

from zipper_train.tower import Tower, TowerSpec
from zipper_train.zip import LinkSpec, Zip, span_mask

A = TowerSpec("a", layers=4, width=128, heads=2, kv_heads=1, ffn=96, vocabulary=50, tied=True)
B = TowerSpec("b", layers=2, width=64, heads=1, kv_heads=1, ffn=64, vocabulary=40, projection="plain", features=8)
LINKS = [LinkSpec(1, 1, 0, 2, heads=2), LinkSpec(1, 2, 0, 4, heads=2), LinkSpec(0, 1, 1, 1, heads=2)]


def make():
    torch.manual_seed(0)
    zipped = Zip([Tower(A), Tower(B)], LINKS).eval()
    for link in zipped.links:
        link.gate.data.fill_(0.7)
    return zipped


def ids(vocabulary, n):
    return torch.randint(0, vocabulary, (1, n))


def test_span_mask():
    mask = span_mask([(0, 2), (1, 3), (0, 1)], 0, 1)
    assert mask.tolist() == [[False] * 3, [False] * 3, [True] * 3]
    assert span_mask([(0, 2), (1, 3), (0, 1)], 1, 0).tolist() == [[True, True, False]] * 3


def test_one_modality_is_bit_identical():
    zipped, a = make(), ids(50, 7)
    tower = zipped.towers[0]
    assert torch.equal(zipped([(0, 7)], {0: tower.embed(a)}).logits(0), tower(a))


def test_gates_matter_and_zero_gates_change_nothing():
    zipped, a, b = make(), ids(50, 5), ids(40, 6)
    inputs = {0: zipped.towers[0].embed(a), 1: zipped.towers[1].embed(b)}
    alone = zipped.towers[0](a)
    assert (zipped([(1, 6), (0, 5)], inputs).logits(0) - alone).abs().max() > 1e-3
    for link in zipped.links:
        link.gate.data.zero_()
    assert torch.equal(zipped([(1, 6), (0, 5)], inputs).logits(0), alone)


def test_nothing_sees_the_future():
    zipped, a, b = make(), ids(50, 6), ids(40, 6)
    spans = [(0, 3), (1, 4), (0, 3), (1, 2)]
    run = lambda a, b: zipped(spans, {0: zipped.towers[0].embed(a), 1: zipped.towers[1].embed(b)})
    before = run(a, b)
    late = b.clone()
    late[0, 4:] += 1  # the last span of tower 1
    after = run(a, late % 40)
    assert torch.equal(before.logits(0), after.logits(0))
    assert torch.equal(before.logits(1)[:, :4], after.logits(1)[:, :4])
    assert not torch.equal(before.logits(1)[:, 4:], after.logits(1)[:, 4:])
    early = a.clone()
    early[0, 0] = (early[0, 0] + 1) % 50
    assert not torch.equal(before.logits(1)[:, 0], run(early, b).logits(1)[:, 0])


def test_padding_of_the_source_is_not_seen():
    zipped, a, b = make(), ids(50, 5), ids(40, 9)
    embed = lambda n: {0: zipped.towers[0].embed(a), 1: zipped.towers[1].embed(b[:, :n])}
    full = zipped([(1, 9), (0, 5)], embed(9), {1: torch.tensor([6])}).logits(0)
    cut = zipped([(1, 6), (0, 5)], embed(6)).logits(0)
    assert torch.allclose(full, cut, atol=1e-4)


def test_known_states_replace_computation():
    zipped, a, b = make(), ids(50, 5), ids(40, 6)
    inputs = {0: zipped.towers[0].embed(a), 1: zipped.towers[1].embed(b)}
    spans = [(0, 5), (1, 6)]
    whole = zipped(spans, inputs)
    expected = whole.logits(1)
    assert torch.equal(zipped(spans, {1: inputs[1]}, known={(0, 1): whole.state(0, 1)}).logits(1), expected)


def test_cycles_are_refused():
    import pytest
    with pytest.raises(ValueError):
        Zip([Tower(A), Tower(B)], [LinkSpec(1, 2, 0, 1), LinkSpec(0, 2, 1, 1)])
    Zip([Tower(A), Tower(B)], [LinkSpec(1, 1, 0, 1), LinkSpec(0, 1, 1, 1)])  # a pair both ways is no cycle
