"""Transcripts of unlabelled clips by whisper-base (the judge's weights, greedy): used as training text where no human one exists.

    python -m zipper_train.pseudo_label picovoice_s2i/unlabelled

Writes $ZIPPER_DATA/train/pseudo/PART.json: id to text.
"""
import argparse
import json

from .data import rows
from .evaluate import whisper_transcripts
from .paths import TRAIN


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+")
    for part in parser.parse_args().parts:
        ids = [row["id"] for row in rows(part)]
        kept = whisper_transcripts({part: ids})
        path = TRAIN / "pseudo" / f"{part.replace('/', '.')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({i: kept[i] for i in ids}))


if __name__ == "__main__":
    main()
