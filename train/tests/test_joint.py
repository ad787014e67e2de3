"""CTC prefix scores against the sum over all alignments; spellings of sub-words."""
from itertools import groupby, product

import numpy as np
import pytest

from zipper_train.joint import SPACE, Prefix, spelling, trie

LETTERS = [0, SPACE, 2, 3]  # blank, space, a, b: the classes that carry probability here


def sound(frames: int, seed: int) -> np.ndarray:
    p = np.zeros((frames, 29))
    p[:, LETTERS] = np.random.default_rng(seed).dirichlet(np.ones(len(LETTERS)), frames)
    return p


def every_text(p: np.ndarray) -> dict:
    """Probability of each class sequence, summed over all alignments."""
    out = {}
    for path in product(LETTERS, repeat=len(p)):
        text = tuple(c for c, _ in groupby(path) if c)
        out[text] = out.get(text, 0.0) + float(np.prod([p[t, c] for t, c in enumerate(path)]))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_prefixes_equal_the_sum_over_alignments(seed):
    p = sound(6, seed)
    texts = every_text(p)
    for letters in ([2], [2, 3], [2, 2], [3, SPACE, 2], [2, 3, 3], [2, SPACE, 3, 2]):
        prefix = Prefix(p).longer(letters)
        begins = sum(q for text, q in texts.items() if text[: len(letters)] == tuple(letters))
        assert np.isclose(np.exp(prefix.whole), begins, rtol=1e-9)
        assert np.isclose(np.exp(prefix.ends() + prefix.whole), texts.get(tuple(letters), 0.0), rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_branches_equal_prefixes_made_letter_by_letter(seed):
    p = sound(6, seed)
    for before in ([], [2], [2, SPACE]):
        prefix = Prefix(p).longer(before)
        found = prefix.branches()
        assert len(found) > 5
        boundary = np.logaddexp(prefix.longer([SPACE]).whole - prefix.whole, prefix.ends())
        for token in list(found)[:200]:
            letters = trie().spelled[token]
            share = prefix.longer(letters).whole - prefix.whole if letters else boundary
            assert np.isclose(share, found[token], atol=1e-9)


def test_spellings():
    assert spelling(" The") == [SPACE, 21, 9, 6]
    assert spelling("—") == [SPACE] and spelling(",") == [] and spelling("don’t")[3] == 28
    assert all(spelling(text) is None for text in ("4", "é", "\n", "||||", "(a"))
