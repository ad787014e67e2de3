"""The model card: what went in, what came out, what falls short; figures only from the files that measured them."""
import json

from .data import HUMAN_TRAIN, SYNTHETIC_TRAIN, UNLABELLED
from .paths import MODEL, REPOSITORY, TRAIN


LOGS = REPOSITORY / "train" / "logs"


def figures(name: str) -> dict:
    """A report of this machine's, or else the committed one."""
    own, committed = TRAIN / f"{name}.json", LOGS / f"{name.replace('/', '_')}.json"
    path = own if own.exists() else committed
    return json.loads(path.read_text()) if path.exists() else {}


def percent(x) -> str:
    return "–" if x is None else f"{100 * x:.1f} %"


def listening_table(evaluation: dict) -> str:
    if not evaluation.get("listen"):
        return "Not measured.\n"
    head = (f"{evaluation['clips_a_set']} clips of each set (or all there are) behind the first {evaluation['skipped']}, after {evaluation['steps']} steps, weight of the letters {evaluation['weight']}, bonus {evaluation['bonus']}, beam {evaluation['beam']}, charge for an unknown word {evaluation['charge']}.\n\n"
            "| human dev set | words | **joint** (what ships) | zip alone | letters alone | letters and unzipped tower | whisper-base greedy |\n| --- | --- | --- | --- | --- | --- | --- |\n")
    pooled = {}
    for r in evaluation["listen"].values():
        for way in ("joint", "zip", "letters", "unzipped", "whisper_base"):
            if way in r:
                pooled[way] = pooled.get(way, 0) + r[way] * r["words"]
    words = sum(r["words"] for r in evaluation["listen"].values())
    share = lambda way: percent(pooled[way] / words if way in pooled else None)
    last = f"| all together | {words} | **{share('joint')}** | {share('zip')} | {share('letters')} | {share('unzipped')} | {share('whisper_base')} |\n"
    return head + "".join(
        f"| {part} | {r['words']} | **{percent(r.get('joint'))}** | {percent(r.get('zip'))} | {percent(r.get('letters'))} | {percent(r.get('unzipped'))} | {percent(r['whisper_base'])} |\n"
        for part, r in evaluation["listen"].items()) + last


def token_table(quantizer: dict) -> str:
    """Phoneme error rate before and after the code, whole sets."""
    return "".join(f"| {part} | {percent(r['phones'])} | {percent(r['coded_phones'])} | {percent(r['letters'])} | {r['codes']} |\n" for part, r in quantizer.get("dev", {}).items())


def voice_table(voice: dict) -> str:
    mos = lambda r: f"{r.get('distillmos', '–')} | {r.get('dnsmos', '–')}"
    rows = []
    if "teacher" in voice:
        rows.append(f"| hibari-tts, the teacher, {voice['copy']['clips']} held-out sentences of its corpus | {percent(voice['teacher']['wer'])} | {mos(voice['teacher'])} |")
        rows.append(f"| real speech tokens of the same, voice `heart` | {percent(voice['copy']['wer'])} | {mos(voice['copy'])} |")
    own = voice.get("speak teacher")
    if own:
        rows.append(f"| hibari-tts, {own['sentences']} new sentences ({own['words']} words) | {percent(own['wer'])} | {mos(own)} |")
    rows += [f"| **text to sound**, voice `{name.split()[1]}`, {r['sentences']} of the new sentences | **{percent(r['wer'])}** | {mos(r)} |"
             for name, r in voice.items() if name.startswith("speak ") and r is not own]
    return "\n".join(rows)


def baseline_section(baseline: dict, evaluation: dict) -> str:
    """The single decoder beside the zip."""
    if not baseline:
        return "Not trained.\n"
    zipped = evaluation.get("listen", {})
    rows = "".join(f"| {part} | {r['written']:.2f} | {percent(r['wer'])} | {percent((zipped.get(part + '/dev') or {}).get('zip'))} |\n" for part, r in baseline["listen"].items())
    before, after = baseline["text_perplexity"]["before"], baseline["text_perplexity"]["after"]
    return f"""One decoder for both, as the paper compares: the text tower with 3136 rows of speech tokens added and all its blocks trained ({baseline['trainable'] / 1e6:.0f} M parameters), on the same clips,
{baseline['minutes']:.0f} minutes on one core ({baseline['batches']} batches of at most {baseline['frames_a_batch']} frames; the zip had {evaluation.get('training_seconds', 0) / 60:.0f} minutes in its last run alone, and earlier runs before). Greedy, no letters, the first clips of each set (the zip column: the clips of the table above):

| human dev set | nats a sub-word, single | WER, single decoder | WER, zip alone |
| --- | --- | --- | --- |
{rows}
Next speech token on held-out synthetic speech: {baseline['speak']['hibari']['spoken']:.2f} nats. Perplexity of plain text (the 200 sentences of `tests/sentences`): {before} before, {after} after (short everyday sentences are what it was trained to write; nothing
was measured that it might have forgotten); the zip's text tower is frozen, so its stays {before}.
"""


def write(stages: dict, hours: dict) -> str:
    evaluation, speller, quantizer, voice = figures("evaluation"), figures("speller"), figures("quantizer"), figures("voice/evaluation")
    rows = "".join(f"| {part} | {h:.2f} |\n" for part, h in hours.items())
    minutes = lambda stage: f"{stage.get('seconds', 0) / 60:.0f} minutes"
    spoken, own = voice.get("speak heart") or {}, voice.get("speak teacher") or {}
    stop = evaluation.get("speak") or {}
    stopped = (f"Stop rule, text to tokens as shipped: {stop['ended_by_itself']} of {stop['sentences']} new sentences (single words and up to 120 letters) ended by themselves, {stop['empty']} were empty; seconds a "
               f"character (least, 5 %, half, 95 %, most): {stop['seconds_a_character']}." if stop else "Stop rule: not measured.")
    length = f"What is said takes {spoken['seconds']} s where the teacher takes {own['seconds']} s." if spoken and own else ""
    return f"""# zipper-en

Speech in, text out; text in, speech out: SmolLM2-135M-Instruct (frozen) zipped to a speech tower by gated cross-attention, after Zipper (arXiv 2405.18669).
Contracts: `docs/model.md`, `docs/voice.md`. The voices have a card of their own, `VOICE_CARD.md`. Trained on two CPU cores in a few hours.

## Trained
Speller: {speller.get('steps', '?')} steps, {minutes(speller)}, {speller.get('hours', 0):.1f} h of clips; then {quantizer.get('steps', '?')} steps together with the quantizer ({minutes(quantizer)}, 31.8 h). Speech tower and zip: 3708 steps on
earlier speech tokens, 3500 on these (74 minutes on one core), then {stages['zip_steps']} more from there ({stages['zip_seconds'] / 60:.0f} minutes), 16.2 M trainable parameters; listening, speaking and speech alone, batch about. Voices: {voice.get('acoustic_steps', '?')} steps.
Data tokenized (hours; `kokoro` and `hibari` are synthetic speech, `+aug` the clips before it once more with noise, reverberation, other speeds; the rest human):

| part | hours |
| --- | --- |
{rows}
Upper-case transcripts were put in sentence case with the usual case of names; they keep no punctuation.

## Speech tokens
25 a second, 3125 codes. What they keep: error rates of phonemes (against the transcript's dictionary pronunciation) read off by greedy CTC from the continuous features and from the codes alone; beside them the letters'
word error rate. Whole development sets; `hibari`: 40 clips of the synthetic voice that the quantizer's stage held out (the speller's own first stage had
heard them; since then every stage leaves them out).

| set | phonemes, from features | phonemes, from codes | words, from features | codes used |
| --- | --- | --- | --- | --- |
{token_table(quantizer)}
The earlier quantizer (500 steps, CTC of letters only) spelled human speech from its codes with 50 to 65 % WER, and no voice could be understood that spoke from them.

## Listening
WER after normalization (numbers as words, lower case, hyphens to spaces, letters, digits and apostrophes kept). Weight, bonus, charge and beam were chosen on the first ten clips of each set but the last; the figures
leave those out.
{listening_table(evaluation)}
What the zip gives is the step from the last but one of our columns to the first: the same letters with the text tower as a plain language model (the weights were chosen for the first).

**Tried, not shipped**: six further blocks behind the speller (4 M parameters; 2300 steps of 160 s, 26 h, a third of it the synthetic voice as of other throats), which correct its letters. They spell better alone
(whole sets: LibriSpeech 27.6 to 26.4 %, LJ Speech 27.3 to 22.0 %, the synthetic voice's held-out clips 17.5 to 13.7 %), but what is heard in the end stays: 14.1 % of the same words instead of 14.2 %
(LibriSpeech 11.0, Common Voice 23.7, LJ Speech 5.8, kathleen 18.0, speechocean762 40.0 %), and a higher weight of the letters moved errors from one set to another. What is left are mostly words that sound alike.

## Speaking
WER of whisper-base (greedy) on what is said; distillMOS and DNSMOS (overall) where measured; temperature {spoken.get('temperature', '?')}, guidance {spoken.get('guidance', '?')}. The new sentences were written for this
project and are in no training data: `tests/sentences/stop_rule.txt`, those in words alone and of at most 120 letters (the page spells numbers and cuts long sentences first), every other one.

| | WER | distillMOS | DNSMOS |
| --- | --- | --- | --- |
{voice_table(voice)}

{length} {voice.get('ended_by_itself', '?')} of {spoken.get('sentences', '?')} ended by themselves.
{stopped}

## Beside a single decoder
{baseline_section(figures("baseline"), evaluation)}
## Gates
tanh(gate) of links 0.. : {evaluation.get('gates', 'not measured')}. Logits of the frozen tower equal before and after: {evaluation.get('frozen_tower_identical', 'not measured')}.

## Limits
English only. Numbers are written as words. Little data: rare words, names, accents and noise are recognized badly; the five further voices sound clearly worse than the first; what is said is one synthetic voice's way of reading, whichever voice says it.
The links into the text tower keep small gates: the letters carry much of the recognition.

## Licences
Speech data: CC BY 4.0 (LibriSpeech, speechocean762, Hi-Fi TTS, GRID), CC0 (kathleen), Apache-2.0 (matthes; Kokoro-82M and hibari-tts outputs). The lexicon: SCOWL (copyright 2000-2011 Kevin Atkinson and others, `train/words.copyright.txt`) and words of the data
folder's texts. The voices' decoder starts from hibari-tts's, Apache-2.0.
Not part of this folder: whisper-base (MIT), SmolLM2-135M-Instruct (Apache-2.0).
"""


def hours() -> dict:
    """Hours of each tokenized part; those of the last full run where it is not here."""
    import numpy as np
    out = figures("hours")
    for part in [*HUMAN_TRAIN, *SYNTHETIC_TRAIN, *UNLABELLED, "hibari"]:
        for variant in ("", "+aug1", "+aug2"):
            path = TRAIN / "tokens" / f"{part.replace('/', '.')}{variant}.npz"
            if path.exists():
                out[part + variant] = float(np.load(path)["offsets"][-1]) / 25 / 3600
    return out


if __name__ == "__main__":
    config = json.loads(MODEL.joinpath("config.json").read_text())
    MODEL.joinpath("MODEL_CARD.md").write_text(write(config["training"], hours()))
