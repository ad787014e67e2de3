"""Phonemes of a transcript, by the teacher's letter-to-sound rules (hibari-tts, Apache-2.0): targets of training only.

One character is one phoneme: vowels and consonants of American English, diphthongs and affricates in capitals.
"""
from functools import cache

PHONES = "AIOTWYbdfhijklmnpstuvwzæðŋɐɑɔəɛɜɡɪɹʃʊʌʒʤʧθᵊᵻ"  # CTC class i + 1; class 0 is the blank
SYMBOLS = PHONES + " .,;:!?ˈˌ"  # what the teacher gives a duration to; class i + 1, class 0 is a sentence's edge and all else


@cache
def speaker():
    from hibari import Hibari
    return Hibari(threads=1)


def phonemes(text: str) -> str:
    """IPA of a text, stress marks and punctuation among it."""
    return " ".join(speaker().phonemize(text))


def phoned(text: str) -> list[int]:
    """CTC classes of a text's phonemes."""
    return [PHONES.index(p) + 1 for p in phonemes(text) if p in PHONES]


def symbol_classes() -> dict[int, int]:
    """The teacher's symbol numbers to the classes of SYMBOLS."""
    return {speaker().ids(s)[1]: i + 1 for i, s in enumerate(SYMBOLS) if len(speaker().ids(s)) == 3}
