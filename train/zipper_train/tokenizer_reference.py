"""Records token ids for the Rust tokenizer's test, by an independent reading of llama.cpp's rule for `pre = smollm`.

    python -m zipper_train.tokenizer_reference --out ../tests/reference/tokenizer.json

Control tokens are cut out first, then every digit stands alone, then GPT-2's pattern splits, then byte-pair merges by rank.
No tokenizer library takes part.
"""
import argparse
import json
import random

import regex
from gguf import GGUFReader

from . import pinned
from .gguf_tower import byte_letters
from .paths import SHARED

PATTERN = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
CONTROL = 3
CORPUS = [
    "", " ", "  ", "   leading and trailing   ", "a", "A", "Hello, world!", "hello  world", "tabs\tand\nnew\r\nlines\n\n\n", "\n", "\t\t",
    "I'm, you're, we've, they'll, he'd, it's, don't; 'S 'T", "1", "12", "1234567890", "3.14159, -2e10 and 1,000,000.00", "v1.2.3-rc4",
    "½ ⅓ ² ³ ① Ⅷ ٣ ৪ 五", "naïve café, Ångström, Straße, ĳ, ﬁ", "Привет, мир! Ελληνικά שלום عربى हिन्दी ไทย", "東京で寿司を食べる。한국어", "🙂👩‍👩‍👧‍👦🇩🇪🏳️‍🌈",
    "e\u0301 versus \u00e9", "zero\u200bwidth\u200djoiner\ufeff", "non\u00a0breaking\u2003em\u3000ideographic", "\u0000\u0001\u007f",
    "“Quotes” — and – dashes… «guillemets» ¿qué?", "snake_case camelCase SCREAMING_CASE kebab-case", "https://example.org/a?b=c&d=%20#e",
    "def f(x):\n    return {'a': [1, 2], \"b\": x**2}\n", "\\ / | ~ ` @ # $ % ^ & * ( ) [ ] { } < > + =", "a" * 100, " " * 33 + "x", "x" + " " * 33,
    "<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\n", "<|endoftext|>", "<|endoftext|>text<|im_end|>", "<|not_a_token|>", "< |im_start|>",
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n",
]


class Bpe:
    def __init__(self):
        fields = GGUFReader(pinned.SMOLLM2).fields
        tokens = fields["tokenizer.ggml.tokens"].contents()
        self.ids = {token: i for i, token in enumerate(tokens)}
        self.ranks = {tuple(m.split(" ")): i for i, m in enumerate(fields["tokenizer.ggml.merges"].contents())}
        kinds = fields["tokenizer.ggml.token_type"].contents()
        control = sorted((t for t, kind in zip(tokens, kinds) if kind == CONTROL), key=len, reverse=True)
        self.control = regex.compile("(" + "|".join(map(regex.escape, control)) + ")")
        self.letters = byte_letters()

    def merge(self, word: str) -> list[int]:
        """Ids of one piece: always the pair of lowest rank is merged first, at all its places from left to right."""
        parts = list(word)
        while len(parts) > 1:
            pairs = [self.ranks.get(pair, len(self.ranks)) for pair in zip(parts, parts[1:])]
            best = min(pairs)
            if best == len(self.ranks):
                break
            merged, i = [], 0
            while i < len(parts):
                if i < len(pairs) and pairs[i] == best and self.ranks.get((parts[i], parts[i + 1])) == best:
                    merged.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            parts = merged
        return [self.ids[part] for part in parts if part in self.ids]

    def encode(self, text: str) -> list[int]:
        ids = []
        for part in self.control.split(text):
            if self.control.fullmatch(part):
                ids.append(self.ids[part])
                continue
            for piece in regex.findall(r"\p{N}|\P{N}+", part):
                for word in PATTERN.findall(piece):
                    ids += self.merge("".join(self.letters[b] for b in word.encode()))
        return ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    out = parser.parse_args().out
    lines = [line for name in ("books", "everyday", "dialogue_taskmaster") for line in
             random.Random(1).sample((SHARED / "data" / "text" / f"{name}.txt").read_text().splitlines(), 60)]
    bpe = Bpe()
    with open(out, "w") as file:
        json.dump([{"text": text, "ids": bpe.encode(text)} for text in CORPUS + lines], file, ensure_ascii=True, indent=0)


if __name__ == "__main__":
    main()
