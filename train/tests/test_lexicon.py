"""Unknown words are counted once, as soon as they show; guidance leaves the implausible out of reach."""
import torch

from zipper_train import lexicon
from zipper_train.decode import AWAY, guided
from zipper_train.joint import spelling
from zipper_train.lexicon import Lexicon, Word


def counts(monkeypatch, texts):
    monkeypatch.setattr(lexicon, "lexicon", lambda: Lexicon(["cat", "dog", "dogma", "it"]))
    word, out = Word(), []
    for text in texts:
        word, unknown = word.then(spelling(text))
        out.append(unknown)
    return [*out, word.unknown()]


def test_unknown_words_as_on_the_other_side(monkeypatch):
    assert counts(monkeypatch, [" The", " dog"]) == [1, 0, 0]
    assert counts(monkeypatch, [" dog", "ma"]) == [0, 0, 0]
    assert counts(monkeypatch, [" do", "gm", " cat"]) == [0, 0, 1, 0]
    assert counts(monkeypatch, [" do", "x", "y", " cat"]) == [0, 1, 0, 0, 0]
    assert counts(monkeypatch, [" it", "'", "s", " dog's"]) == [0, 0, 0, 0, 0]


def test_guidance():
    logits, free = torch.tensor([2.0, 1.0, -9.0]), torch.tensor([2.0, 0.0, -20.0])
    assert torch.allclose(guided(logits, free, 0.5), torch.tensor([2.0, 1.5, -9.0 - AWAY]))
