"""Transcripts: natural case for upper-case sources, normalization for WER, the characters that CTC spells."""
import re
from collections import Counter, defaultdict
from functools import cache

from .paths import REPOSITORY, SHARED

CHARACTERS = " abcdefghijklmnopqrstuvwxyz'"  # CTC class i + 1; class 0 is the blank
CASED_BOOKS = ["books", "nonfiction_lj", "dialogue_taskmaster"]


def normalize(text: str) -> str:
    """For WER and CTC alike: lower case; hyphens and dashes to spaces; letters, digits and apostrophes kept; single spaces."""
    text = text.lower().replace("’", "'")
    text = re.sub(r"[-–—/\s]", " ", text)
    return " ".join(re.sub(r"[^a-z0-9' ]", "", text).split())


def in_words(text: str) -> str:
    """Numbers as words, as both sides of a comparison may write them: 62, 1,000, 3rd."""
    from num2words import num2words
    text = re.sub(r"\d{1,3}(,\d{3})+", lambda m: num2words(int(m[0].replace(",", ""))), text)
    text = re.sub(r"(\d+)(st|nd|rd|th)\b", lambda m: num2words(int(m[1]), to="ordinal"), text)
    kind = lambda digits: "year" if re.fullmatch("1[1-9]\\d\\d|20\\d\\d", digits) else "cardinal"
    return re.sub(r"\d+", lambda m: f" {num2words(int(m[0]), to=kind(m[0]))} ", text)


def spelled(text: str) -> list[int] | None:
    """CTC classes of a transcript, or None where its digits or symbols do not spell what is said."""
    if re.search(r"[0-9$%&@#+=£€]", text):
        return None
    return [CHARACTERS.index(c) + 1 for c in normalize(text)]


@cache
def usual_case() -> dict[str, str]:
    """The commonest written form of each word that is mostly not lower case inside sentences (names, I, I'm)."""
    forms = defaultdict(Counter)
    for name in CASED_BOOKS:
        for line in (SHARED / "data" / "text" / f"{name}.txt").read_text().splitlines():
            for before, word in re.findall(r"([a-z,;] )([A-Za-z']+)", line):
                forms[word.lower()][word] += 1
    best = {word: counts.most_common(1)[0] for word, counts in forms.items()}
    return {word: form for word, (form, count) in best.items()
            if form != word and not (form.isupper() and len(form) > 1) and count * 2 > sum(forms[word].values())}


def natural(text: str) -> str:
    """Upper-case sources to sentence case with usual names; other texts unchanged (but for their first letter)."""
    if text.isupper():
        names = usual_case()
        text = " ".join(names.get(word, word) for word in text.lower().split())
    return text[:1].upper() + text[1:]


def unseen() -> list[str]:
    """Sentences to measure speaking on: written for this project, in no training data; those in words alone that the page would say in one piece."""
    lines = (REPOSITORY / "tests" / "sentences" / "stop_rule.txt").read_text().splitlines()
    return [line for line in lines if spelled(line) and line.isascii() and len(line) <= 120]
