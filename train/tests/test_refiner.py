"""The refiner corrects letters and touches nothing else."""
import torch

from zipper_train.refiner import Refiner
from zipper_train.speller import Speller


def parts():
    torch.manual_seed(0)
    mask = torch.ones(2, 20, 1)
    mask[1, 15:] = 0
    return Speller().eval(), Refiner().eval(), torch.randn(2, 20, 1024) * mask, mask


def test_it_starts_by_adding_nothing():
    speller, refiner, white, mask = parts()
    features, letters = refiner(speller, white, mask)
    assert torch.equal(features, speller.features(white, mask))
    assert torch.equal(letters, speller.letters(features))


def test_features_stay_when_it_has_learnt_and_only_it_learns():
    speller, refiner, white, mask = parts()
    torch.nn.init.normal_(refiner.spell.weight, std=0.1)
    features, letters = refiner(speller, white, mask)
    assert torch.equal(features, speller.features(white, mask))
    assert not torch.allclose(letters, speller.letters(features))
    letters.square().mean().backward()
    assert all(p.grad is None for p in speller.parameters())
    assert all(p.grad is not None for p in refiner.parameters())


def test_padding_of_a_batch_changes_no_letter():
    speller, refiner, white, mask = parts()
    torch.nn.init.normal_(refiner.spell.weight, std=0.1)
    _, together = refiner(speller, white, mask)
    _, alone = refiner(speller, white[1:, :15], mask[1:, :15])
    assert (together[1, :30] - alone[0]).abs().max() < 1e-5
