"""The model card: what went in, what came out, what falls short; figures only from the files that measured them."""
import json

from .data import HUMAN_TRAIN, SYNTHETIC_TRAIN
from .paths import TRAIN


def figures(name: str) -> dict:
    path = TRAIN / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def percent(x) -> str:
    return f"{100 * x:.1f} %"


def listening_table(evaluation: dict) -> str:
    if not evaluation.get("listen"):
        return "Not measured.\n"
    head = f"First {evaluation['clips_a_set']} clips of each set, after {evaluation['steps']} steps.\n\n| human dev set | words | WER | whisper-base greedy, same clips |\n| --- | --- | --- | --- |\n"
    return head + "".join(f"| {part} | {r['words']} | {percent(r['wer'])} | {percent(r['whisper_base'])} |\n" for part, r in evaluation["listen"].items())


def token_table(quantizer: dict, judge: dict) -> str:
    out = ""
    if quantizer:
        out += "Greedy character CTC (no language model) on all clips of each set, before the code (features) and after it:\n\n"
        out += "| human dev set | WER, features | WER, codes | distance to whitened states | codes used |\n| --- | --- | --- | --- | --- |\n"
        out += "".join(f"| {p} | {percent(r['wer_features'])} | {percent(r['wer_codes'])} | {r['distance']:.2f} | {r['codes']} |\n" for p, r in quantizer["dev"].items())
    if judge:
        out += f"\nwhisper-base's own decoder, greedy, fed with states (first {judge['clips_a_set']} clips, 8 s of silence after each):\n\n"
        out += "| human dev set | as they are | pooled to 25 Hz | rebuilt from codes |\n| --- | --- | --- | --- |\n"
        out += "".join(f"| {p} | {percent(r['whole'])} | {percent(r['pooled'])} | {percent(r['coded'])} |\n" for p, r in judge["wer"].items())
    return out or "Not measured.\n"


def write(stages: dict, hours: dict) -> str:
    evaluation, quantizer, judge = figures("evaluation"), figures("quantizer"), figures("judge")
    spoken = evaluation.get("speak") or {}
    speak = (f"{spoken['ended_by_itself']} of {spoken['sentences']} sentences ended by themselves; seconds a character (5 %, 50 %, 95 %): {spoken['seconds_a_character']}."
             if spoken else "Not measured.")
    rows = "".join(f"| {part} | {h:.2f} |\n" for part, h in hours.items())
    return f"""# zipper-en

Speech in, text out; text in, speech tokens out: SmolLM2-135M-Instruct (frozen) zipped to a speech tower by gated cross-attention, after
Zipper (arXiv 2405.18669). Contract: `docs/model.md`. Trained on two shared CPU cores in one afternoon: **a rough first model**; the figures say how rough.

## Trained
Quantizer: {quantizer.get('steps', '?')} steps. Speech tower and zip: {stages['zip_steps']} steps, {stages['zip_seconds'] / 60:.0f} minutes of wall clock, 16.2 M trainable parameters.
Data tokenized (hours; `kokoro` and `hibari` are synthetic speech, the rest human):

| part | hours |
| --- | --- |
{rows}
Upper-case transcripts were put in sentence case with the usual case of names; they keep no punctuation.

The listening and speaking figures are of an earlier checkpoint where their step count is below the steps above: the machine left no time to measure the last one in full.
The speech tower alone, after four minutes of next-token training: perplexity 85 on 8 held-out synthetic clips, 320 on 12 human ones (kathleen dev); zipped training then moved it away from that (`train/logs/zip.txt`).

## Listening
WER after normalization (lower case, hyphens to spaces, letters, digits and apostrophes kept).
{listening_table(evaluation)}
## Speech tokens
{token_table(quantizer, judge)}
## Speaking
Tokens only; what the voice makes of them is in its own card. {speak}

## Gates
tanh(gate) of links 0.. : {evaluation.get('gates', 'not measured')}. Logits of the frozen tower equal before and after: {evaluation.get('frozen_tower_identical', 'not measured')}.

## Limits
English only. Little data and little compute: rare words, numbers, accents and noise are recognized badly; long sentences are spoken badly.

## Licences
Speech data: CC BY 4.0 (LibriSpeech, speechocean762, Hi-Fi TTS, GRID), CC0 (kathleen), Apache-2.0 (matthes; Kokoro-82M and hibari-tts outputs).
Not part of this folder: whisper-base (MIT), SmolLM2-135M-Instruct (Apache-2.0).
"""


def hours() -> dict:
    """Hours of each tokenized part."""
    import numpy as np
    out = {}
    for part in [*HUMAN_TRAIN, *SYNTHETIC_TRAIN, "hibari"]:
        path = TRAIN / "tokens" / f"{part.replace('/', '.')}.npz"
        if path.exists():
            out[part] = float(np.load(path)["offsets"][-1]) / 25 / 3600
    return out
