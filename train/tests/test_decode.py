"""One position at a time equals the whole sequence at once."""
import torch

from test_zip import ids, make
from zipper_train.decode import link_cache, step


def test_steps_equal_the_whole():
    zipped, a, b = make(), ids(50, 6), ids(40, 7)
    features = torch.randn(1, 7, 8)
    inputs = {0: zipped.towers[0].embed(a), 1: zipped.towers[1].embed(b, features)}
    with torch.no_grad():
        whole = zipped([(1, 7), (0, 6)], inputs)
        expected = whole.logits(0)
        links = link_cache(zipped, whole.state, 1, 0)
        caches = [{} for _ in zipped.towers[0].layers]
        for at in range(6):
            x = step(zipped, 0, inputs[0][:, at : at + 1], caches, links, at)
            assert torch.allclose(zipped.towers[0].logits(x)[0, 0], expected[0, at], atol=1e-4)


def test_speaking_steps_equal_the_whole():
    zipped, a, b = make(), ids(50, 6), ids(40, 7)
    inputs = {0: zipped.towers[0].embed(a), 1: zipped.towers[1].embed(b)}
    with torch.no_grad():
        whole = zipped([(0, 6), (1, 7)], inputs)
        links = link_cache(zipped, whole.state, 0, 1)
        caches = [{} for _ in zipped.towers[1].layers]
        for at in range(7):
            x = step(zipped, 1, zipped.enter(1, inputs[1][:, at : at + 1]), caches, links, at)
            assert torch.allclose(zipped.towers[1].logits(x)[0, 0], whole.logits(1)[0, at], atol=1e-4)
