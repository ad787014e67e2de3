"""The words that English text uses: what a transcript spells otherwise costs something. `src/decode/lexicon.rs` is its twin.

    python -m zipper_train.lexicon /usr/share/dict/american-english /usr/share/dict/british-english

writes train/words.txt, which the export puts beside the speller: every word that stands at least twice in the data folder's texts, and those of the lists given (SCOWL, as Debian's packages wamerican and wbritish 2020.12.07 hold it),
a line a word, sorted; no possessives.
"""
import argparse
from bisect import bisect_left
from collections import Counter
from functools import cache
from pathlib import Path

from .paths import REPOSITORY, SHARED
from .text import CHARACTERS, normalize

WORDS = REPOSITORY / "train" / "words.txt"
SPACE = 1  # its letter


class Lexicon:
    """Sorted words. A word may also be a known one with 's, or with an apostrophe behind it."""

    def __init__(self, words: list[str]):
        self.words = words

    def known(self, word: str) -> bool:
        at = bisect_left(self.words, word)
        found = at < len(self.words) and self.words[at] == word
        return found or (word.endswith(("'", "'s")) and self.known(word[: word.rindex("'")]))

    def begins(self, start: str) -> bool:
        """Whether a word begins so."""
        at = bisect_left(self.words, start)
        return at < len(self.words) and self.words[at].startswith(start) or self.known(start)


@cache
def lexicon() -> Lexicon:
    return Lexicon(WORDS.read_text().split())


class Word:
    """The word that a transcript is in the middle of, and whether it was charged as unknown."""

    def __init__(self, start: str = "", charged: bool = False):
        self.start, self.charged = start, charged

    def then(self, letters: list[int]) -> tuple["Word", int]:
        """The word after `letters` (CTC classes), and how many words turned out unknown on the way."""
        start, charged, unknown = self.start, self.charged, 0
        for letter in letters:
            if letter == SPACE:
                unknown += not charged and not ended(start)
                start, charged = "", False
            else:
                start += CHARACTERS[letter - 1]
        if start and not charged and not lexicon().begins(start):
            charged, unknown = True, unknown + 1
        return Word(start, charged), unknown

    def unknown(self) -> int:
        """1 if the transcript cannot end here without an unknown word that was not charged."""
        return int(not self.charged and not ended(self.start))


def ended(word: str) -> bool:
    return not word or lexicon().known(word)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, nargs="+", help="a word a line")
    counts = Counter()
    for path in sorted((SHARED / "data" / "text").glob("*.txt")):
        counts.update(w for line in path.read_text().splitlines() for w in normalize(line).split())
    words = {w.strip("'") for w, n in counts.items() if n >= 2}
    for path in parser.parse_args().lists:
        words |= {w for line in path.read_text().splitlines() for w in normalize(line).split() if line.isascii()}
    words = sorted(w for w in words if w and not w.endswith("'s") and not any(c.isdigit() for c in w))
    WORDS.write_text("\n".join(words) + "\n")
    print(f"{len(words)} words")


if __name__ == "__main__":
    main()
