"""Joint decoding: the zipped text tower and the speller choose each sub-word together (Watanabe et al. 2017, hybrid CTC/attention).

A sub-word's score is (1 - weight) * log p(zip) + weight * log of how much likelier the letters so far become by it (CTC prefix scores) + a bonus for
each letter: what a letter costs on the way, so that long sub-words can stand beside short ones when the next one is chosen (an estimate of the
rest, as in A*) - a charge for each word that the lexicon does not know.
`src/decode/{ctc,joint,lexicon}.rs` do the same on the other side.
"""
import re
from functools import cache

import numpy as np
import torch

from . import gguf_tower
from .decode import hear, link_cache, step
from .lexicon import Word
from .model import SPEECH, TEXT
from .text import CHARACTERS

BLANK, SPACE = 0, 1
WEIGHT = 0.4  # of the letters; chosen on the development sets
BONUS = 1.2  # of a letter; chosen on the development sets
CHARGE = 5.0  # of a word that is not in the lexicon; about the log of how rare such words are
BEAM = 5  # transcripts kept side by side
MARGIN = 8.0  # nats under the best at which one is dropped
BELOW = 14.0  # nats under the prefix at which a branch is given up
FAINT = 1e-12  # share of the largest below which nothing is left of a prefix at a frame
AHEAD = 120  # frames beyond the prefix's last that a sub-word may take


def spelling(text: str) -> list[int] | None:
    """CTC classes of a sub-word's text, runs of spaces as one; None where it holds what the speller cannot check, or no transcript holds."""
    if re.search(r"[^A-Za-z ,.?!;:'\"’‘“”–—…-]", text) or len(text) > 3 and not re.search("[A-Za-z]", text):
        return None
    text = "".join(c for c in re.sub("[–—-]", " ", text.lower().replace("’", "'")) if c in CHARACTERS)
    return [CHARACTERS.index(c) + 1 for c in re.sub(" +", " ", text)]


class Trie:
    """Every sub-word by its spelling. children [nodes, 29]: 0 where there is none; tokens: ids at each node."""

    def __init__(self):
        tokenizer = gguf_tower.tokenizer()
        children, self.tokens = [[0] * (1 + len(CHARACTERS))], [[]]
        self.spelled = {}
        for token in range(17, 49152):  # the first 17 are marks
            classes = spelling(tokenizer.decode([token]))
            if classes is None:
                continue
            self.spelled[token] = classes
            node = 0
            for c in classes:
                if not children[node][c]:
                    children[node][c] = len(children)
                    children.append([0] * (1 + len(CHARACTERS)))
                    self.tokens.append([])
                node = children[node][c]
            self.tokens[node].append(token)
        self.children = np.array(children)


@cache
def trie() -> Trie:
    return Trie()


class Prefix:
    """Letters so far against the sound: n, b [frames + 1], probability of having spelled exactly these by then, the last frame a letter or a blank.

    Entry t is the state after t frames, relative to e^scale.
    """

    def __init__(self, p: np.ndarray):
        """The empty prefix. p [frames, 29] probabilities."""
        self.p, self.last, self.scale = p, None, 0.0
        self.n = np.zeros(len(p) + 1)
        self.b = np.concatenate(([1.0], p[:, BLANK].cumprod()))
        self.whole = 0.0  # log of the probability of everything that begins so

    def window(self) -> tuple[int, int]:
        alive = np.flatnonzero(self.n + self.b > FAINT * (self.n + self.b).max())
        return alive[0], min(alive[-1] + AHEAD, len(self.p))

    def ends(self) -> float:
        """log of the share that these letters are all there is."""
        mass = self.n[-1] + self.b[-1]
        return np.log(mass) + self.scale - self.whole if mass > 0 else -np.inf

    def branches(self) -> dict[int, float]:
        """log(what begins with the letters and the sub-word / what begins with the letters), for every sub-word that is not given up.

        A sub-word without letters (a mark) stands at the end of a word: it has the share of a space or the end coming next.
        """
        words, first, (start, stop) = trie(), self.last in (None, SPACE), self.window()
        p = self.p[start:stop]
        base = self.whole - self.scale
        nodes = np.array([0])
        n, b = self.n[None, start : stop + 1], self.b[None, start : stop + 1]
        last = np.array([-1 if self.last is None else self.last])
        found = {}
        if first:  # a leading space is not spoken again
            gap = words.children[0, SPACE]
            nodes, n, b, last = np.array([0, gap]), n.repeat(2, 0), b.repeat(2, 0), last.repeat(2)
        else:
            boundary = float(np.logaddexp(self.longer([SPACE]).whole - self.whole, self.ends()))
            found.update((token, boundary) for token in words.tokens[0])
        while len(nodes):
            rows, classes = np.nonzero(words.children[nodes])
            if first:
                keep = (nodes[rows] != 0) | (classes != SPACE)
                rows, classes = rows[keep], classes[keep]
                first = False
            if not len(rows):
                break
            emit, blank = p[:, classes], p[:, BLANK]  # [frames, branches]
            entering = (b[rows, :-1] + np.where((last[rows] == classes)[:, None], 0, n[rows, :-1])).T
            letter, rest = np.zeros((len(p) + 1, len(rows))), np.zeros((len(p) + 1, len(rows)))
            for t in range(len(p)):
                letter[t + 1] = (letter[t] + entering[t]) * emit[t]
                rest[t + 1] = (rest[t] + letter[t]) * blank[t]
            with np.errstate(divide="ignore"):
                share = np.log((entering * emit).sum(0)) - base
            keep = share > -BELOW
            nodes, n, b, last = words.children[nodes[rows], classes][keep], letter.T[keep], rest.T[keep], classes[keep]
            for node, value in zip(nodes, share[keep]):
                found.update((token, float(value)) for token in words.tokens[node])
        return found

    def longer(self, classes: list[int]) -> "Prefix":
        """These letters and then `classes`."""
        out = self
        for c in classes:
            if c == SPACE and out.last in (None, SPACE):
                continue
            previous, out = out, object.__new__(Prefix)
            entering = previous.b + (0 if previous.last == c else previous.n)
            emit, blank = self.p[:, c], self.p[:, BLANK]
            n, b = np.zeros(len(self.p) + 1), np.zeros(len(self.p) + 1)
            for t in range(previous.window()[0], len(self.p)):
                n[t + 1] = (n[t] + entering[t]) * emit[t]
                b[t + 1] = (b[t] + n[t]) * blank[t]
            out.p, out.last = self.p, c
            largest = (n + b).max() or 1.0
            mass = (entering[:-1] * emit).sum()
            out.whole = np.log(mass) + previous.scale if mass > 0 else -np.inf
            out.n, out.b, out.scale = n / largest, b / largest, previous.scale + np.log(largest)
        return out


class Hypothesis:
    def __init__(self, prefix: Prefix, caches: list):
        self.prefix, self.caches, self.ids, self.score, self.silent, self.word = prefix, caches, [], 0.0, False, Word()


@torch.no_grad()
def listen(model, codes, features, letters, weight: float = WEIGHT, beam: int = BEAM, zipped: bool = True, bonus: float = BONUS, margin: float = MARGIN,
           charge: float = CHARGE) -> list[int]:
    """Transcript ids of one clip. letters [2 tokens, 29] log-probabilities. `zipped` False leaves the links out: the text tower as a plain language model."""
    text = model.towers[TEXT]
    links = link_cache(model, hear(model, codes, features).state, SPEECH, TEXT) if zipped else {}
    prefix = Prefix(letters.double().exp().numpy())
    alive, ended = [Hypothesis(prefix, [{} for _ in text.layers])], []
    for at in range(4 + len(codes)):
        choices = []
        for h in alive:
            last = h.ids[-1] if h.ids else gguf_tower.END
            x = step(model, TEXT, text.embed(torch.tensor([[last]])), h.caches, links, at)
            logs = text.logits(x)[0, 0].log_softmax(-1).numpy()
            end = (1 - weight) * logs[gguf_tower.END] + weight * h.prefix.ends() - charge * h.word.unknown()
            choices.append((h.score + end, h, None, h.silent))
            found = h.prefix.branches()
            ids, shares = np.array(list(found), int), np.array(list(found.values()), float)
            count = np.array([sum(c != SPACE for c in trie().spelled[i]) for i in ids], int)
            unknown = np.array([h.word.then(trie().spelled[i])[1] for i in ids], int)
            scores = (1 - weight) * logs[ids] + weight * shares + bonus * count - charge * unknown
            silent = np.array([not trie().spelled[i] for i in ids], bool)
            scores[silent & h.silent] = -np.inf  # one mark at a time
            choices += [(h.score + scores[i], h, int(ids[i]), bool(silent[i])) for i in np.argsort(-scores, kind="stable")[:beam] if np.isfinite(scores[i])]
        choices.sort(key=lambda c: -c[0])
        alive_next = []
        for score, h, token, silent in choices[:beam]:
            if token is None:
                ended.append((score, h.ids))
                continue
            if score < choices[0][0] - margin:
                break
            grown = Hypothesis(h.prefix.longer(trie().spelled[token]), [dict(c) for c in h.caches])
            grown.ids, grown.score, grown.silent, grown.word = [*h.ids, token], score, silent, h.word.then(trie().spelled[token])[0]
            alive_next.append(grown)
        alive = alive_next
        if not alive or (ended and max(e[0] for e in ended) >= max(h.score for h in alive)):
            break
    ended += [(h.score, h.ids) for h in alive]
    return max(ended, key=lambda e: e[0])[1]
