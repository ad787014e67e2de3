"""The model card: what went in, what came out, what falls short; figures only from the files that measured them."""
import json

from .data import HUMAN_TRAIN, SYNTHETIC_TRAIN, UNLABELLED
from .paths import MODEL, TRAIN


def figures(name: str) -> dict:
    path = TRAIN / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def percent(x) -> str:
    return "–" if x is None else f"{100 * x:.1f} %"


def listening_table(evaluation: dict) -> str:
    if not evaluation.get("listen"):
        return "Not measured.\n"
    head = (f"First {evaluation['clips_a_set']} clips of each set, after {evaluation['steps']} steps, weight of the letters {evaluation['weight']}, bonus {evaluation['bonus']}.\n\n"
            "| human dev set | words | **joint** (what ships) | zip alone | letters alone | letters and unzipped tower | whisper-base greedy |\n| --- | --- | --- | --- | --- | --- | --- |\n")
    return head + "".join(
        f"| {part} | {r['words']} | **{percent(r.get('joint'))}** | {percent(r.get('zip'))} | {percent(r.get('letters'))} | {percent(r.get('unzipped'))} | {percent(r['whisper_base'])} |\n"
        for part, r in evaluation["listen"].items())


def speller_table(speller: dict) -> str:
    return "".join(f"| {part} | {percent(wer)} |\n" for part, wer in speller.get("wer", {}).items())


def write(stages: dict, hours: dict) -> str:
    evaluation, speller, voice = figures("evaluation"), figures("speller"), figures("voice/evaluation")
    rows = "".join(f"| {part} | {h:.2f} |\n" for part, h in hours.items())
    copy, spoken = voice.get("copy") or {}, voice.get("speak") or {}
    copied = (f"Speech tokens of {copy['clips']} held-out synthetic clips through the voice, heard by whisper-base: WER {percent(copy['wer'])} (the teacher's own sound of the same texts: {percent(copy['teacher'])})."
              if copy else "Copy synthesis: not measured.")
    said = (f"{spoken['sentences']} held-out sentences from text, temperature {spoken['temperature']}: WER {percent(spoken['wer'])}; {spoken['ended_by_itself']} ended by themselves."
            if spoken else "Text to sound: not measured.")
    stop = evaluation.get("speak") or {}
    stopped = (f"Stop rule, text to tokens at temperature 0.7: {stop['ended_by_itself']} of {stop['sentences']} sentences (1 to 24 words, numbers and single words among them) ended by themselves, {stop['empty']} were empty; seconds a "
               f"character (least, 5 %, half, 95 %, most): {stop['seconds_a_character']}." if stop else "Stop rule: not measured.")
    return f"""# zipper-en

Speech in, text out; text in, speech out: SmolLM2-135M-Instruct (frozen) zipped to a speech tower by gated cross-attention, after Zipper (arXiv 2405.18669).
Contracts: `docs/model.md`, `docs/voice.md`. The voice has a card of its own, `VOICE_CARD.md`. Trained on two shared CPU cores in two afternoons.

## Trained
Quantizer: 500 steps. Speller: {speller.get('steps', '?')} steps, {speller.get('seconds', 0) / 60:.0f} minutes, {speller.get('hours', 0):.1f} h of clips. Speech tower and zip: 1708 steps, then {stages['zip_steps']} more with the speller's
features ({stages['zip_seconds'] / 60:.0f} minutes on one core), 16.2 M trainable parameters. Voice: {voice.get('acoustic_steps', '?')} steps of the acoustic decoder on 3.5 h; the decoder behind it is hibari-tts's, unchanged.
Data tokenized (hours; `kokoro` and `hibari` are synthetic speech, `+aug1` the clips before it once more with noise, reverberation, other speeds; the rest human):

| part | hours |
| --- | --- |
{rows}
Upper-case transcripts were put in sentence case with the usual case of names; they keep no punctuation.

## Listening
WER after normalization (lower case, hyphens to spaces, letters, digits and apostrophes kept). Weight and bonus were chosen on the first clips of these sets.
{listening_table(evaluation)}
What the zip gives is the step from the last but one of our columns to the first: the same letters with the text tower as a plain language model (the weights were chosen for the first). The letters alone, on whole sets:

| human dev set | WER, greedy CTC |
| --- | --- |
{speller_table(speller)}
## Speaking
{copied} {said}
{stopped}
**The voice is not understandable yet**: its speech tokens carry too little (the quantizer saw 500 steps; by character CTC its codes spelled the human dev sets with 50–65 % WER), and the acoustic decoder is young. One voice.

## Gates
tanh(gate) of links 0.. : {evaluation.get('gates', 'not measured')}. Logits of the frozen tower equal before and after: {evaluation.get('frozen_tower_identical', 'not measured')}.

## Limits
English only. Numbers are written as words. Little data: rare words, names, accents and noise are recognized badly.

## Licences
Speech data: CC BY 4.0 (LibriSpeech, speechocean762, Hi-Fi TTS, GRID), CC0 (kathleen), Apache-2.0 (matthes; Kokoro-82M and hibari-tts outputs). The voice's decoder: hibari-tts, Apache-2.0.
Not part of this folder: whisper-base (MIT), SmolLM2-135M-Instruct (Apache-2.0).
"""


def hours() -> dict:
    """Hours of each tokenized part."""
    import numpy as np
    out = {}
    for part in [*HUMAN_TRAIN, *SYNTHETIC_TRAIN, *UNLABELLED, "hibari"]:
        for variant in ("", "+aug1"):
            path = TRAIN / "tokens" / f"{part.replace('/', '.')}{variant}.npz"
            if path.exists():
                out[part + variant] = float(np.load(path)["offsets"][-1]) / 25 / 3600
    return out


if __name__ == "__main__":
    config = json.loads(MODEL.joinpath("config.json").read_text())
    MODEL.joinpath("MODEL_CARD.md").write_text(write(config["training"], hours()))
