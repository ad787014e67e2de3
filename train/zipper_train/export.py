"""Writes models/zipper-en: quantized weights, config, reference tensors.

    python -m zipper_train.export

A part without a checkpoint stays as it was exported before. The references are computed with the weights as stored, in float32.
"""
import argparse
import dataclasses
import json

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from . import card, gguf_tower, joint, q8, speller
from .data import clips
from .decode import GUIDANCE, TEMPERATURE, TOP_K, hear, link_cache, listen, read, speak
from .encoder import HOP, MELS, PAD_SECONDS, RATE, SAMPLES_PER_TOKEN, WINDOW, Encoder, log_mel, padded, token_count
from .gguf_tower import SPEC as TEXT_SPEC
from .lexicon import WORDS
from .model import CODES, END, SPEECH, START, TEXT
from .paths import MODEL
from .quantizer import FEATURES, LEVELS
from .shipped import as_stored, stages_of, stored
from .text import CHARACTERS
from .tokenize import load_models
from .train_zip import CHECKPOINT as ZIP, Trainer, load_trained

CLIP = ("commonvoice/dev", None)  # the shortest clip of a CC0 set
SENTENCE = "The kettle is on."


def flat(state: dict) -> dict:
    """Depthwise weights as [channels, taps]."""
    return {n: v.squeeze(1) if n.endswith("depthwise.weight") else v for n, v in state.items()}


def plain(tensors: dict) -> set:
    """Matrices that stay float32: small ones and what decides codes and letters."""
    return {n for n in tensors if n in ("to_code.weight", "spell.weight") or n.endswith("depthwise.weight")}


def speech_tensors(model) -> dict:
    """The speech tower; a factored table becomes a plain one."""
    tower = model.towers[SPEECH]
    out = {n: p for n, p in tower.named_parameters() if ".parametrizations." not in n}
    return out | {"embedding.weight": tower.embedding.weight, "head.weight": tower.head.weight}


def zip_tensors(model) -> dict:
    """Links (gain folded into `o`) and projections."""
    out = {n: p for n, p in model.named_parameters() if n.startswith("projections.")}
    for i, link in enumerate(model.links):
        out |= {f"links.{i}.{n}": p for n, p in link.named_parameters()}
        out[f"links.{i}.o.weight"] = link.o.weight * link.spec.gain
    return out


def config(model, stages: dict) -> dict:
    links = [{k: v for k, v in dataclasses.asdict(l.spec).items() if k != "gain"} for l in model.links]
    names = ["text", "speech"]
    for l in links:
        l["source"], l["target"] = names[l["source"]], names[l["target"]]
    return {
        "model": "zipper-en",
        "audio": {"sample_rate": RATE, "window": WINDOW, "hop": HOP, "mels": MELS, "pad_seconds": PAD_SECONDS, "samples_per_token": SAMPLES_PER_TOKEN, "token_rate": 25, "longest_seconds": 29},
        "quantizer": {"levels": list(LEVELS), "codes": CODES, "features": FEATURES},
        "speller": {"states": 512, "width": speller.WIDTH, "hidden": speller.HIDDEN, "kernel": 7, "blocks": speller.BLOCKS, "eps": 1e-5, "letter_rate": 50, "letters": "_" + CHARACTERS},
        "text": dataclasses.asdict(TEXT_SPEC) | {"end": gguf_tower.END, "spelling": gguf_tower.spelling()},
        "speech": dataclasses.asdict(model.towers[SPEECH].spec) | {"start": START, "end": END},
        "links": links, "link_head_width": 64, "link_eps": 1e-5, "link_rope_base": 10000.0,
        "listen": {"max_text_extra": 4, "ctc_weight": joint.WEIGHT, "letter_bonus": joint.BONUS, "word_charge": joint.CHARGE, "beam": joint.BEAM, "beam_margin": joint.MARGIN}, "speak": {"temperature": TEMPERATURE, "top_k": TOP_K, "guidance": GUIDANCE, "max_tokens_base": 25, "max_tokens_a_byte": 5, "min_tokens_a_byte": 1},
        "training": stages,
    }


@torch.no_grad()
def listening_reference(model, quantizer, speller_) -> tuple[dict, dict, np.ndarray]:
    """Every boundary of recognition for one short human clip."""
    short = min(clips(CLIP[0]), key=lambda c: abs(len(c.samples) / RATE - 2.6))
    samples = (np.round(np.clip(short.samples, -1, 1) * 32767) / 32768).astype(np.float32)
    encoder, n = Encoder(), token_count(len(samples))
    out = {"log_mel": log_mel(padded(samples))}
    states = encoder.encode([samples])[0]
    out["states"] = states.half()
    mask = torch.ones(1, n, 1)
    heard = speller_.features(speller_.whiten(states[: 2 * n].view(n, 2, 512))[None], mask)
    features, letters = heard[0], speller_.letters(heard)[0].log_softmax(-1)
    codes = quantizer.pack(quantizer.digits(features))
    out["features"], out["codes"], out["spelling"] = features, codes.int(), letters
    run = hear(model, codes, features)
    for layer in range(1, 7):
        out[f"speech_state.{layer}"] = run.state(SPEECH, layer)[0]
    k, v = link_cache(model, run.state, SPEECH, TEXT)[0]
    out["link0.k"], out["link0.v"] = k[0], v[0]
    written = joint.listen(model, codes, features, letters, joint.WEIGHT)
    out["text_ids_alone"] = torch.tensor([0, *listen(model, codes, features)], dtype=torch.int32)
    ids = [0, *written]
    full = model([(SPEECH, n + 1), (TEXT, len(ids))], {
        SPEECH: model.towers[SPEECH].embed(F.pad(codes, (1, 0), value=START)[None], F.pad(features, (0, 0, 1, 0))[None]),
        TEXT: model.towers[TEXT].embed(torch.tensor([ids]))})
    logits = full.logits(TEXT)[0]
    positions = sorted({0, len(ids) // 2, len(ids) - 1})
    out["text_ids"] = torch.tensor(ids, dtype=torch.int32)
    out["logit_positions"] = torch.tensor(positions, dtype=torch.int32)
    out["text_logits"] = logits[positions]
    for layer in (15, 30):
        out[f"text_state.{layer}"] = full.state(TEXT, layer)[0]
    transcript = gguf_tower.tokenizer().decode(written)
    return out, {"clip": short.id, "source": CLIP[0], "said": short.text, "transcript": transcript}, samples


@torch.no_grad()
def speaking_reference(model) -> tuple[dict, dict]:
    """Every boundary of synthesis for one short sentence."""
    ids, run = read(model, SENTENCE)
    out = {"text_ids": torch.tensor(ids, dtype=torch.int32)}
    for layer in sorted({l.spec.source_layer for l in model.links if l.spec.source == TEXT}):
        out[f"text_state.{layer}"] = run.state(TEXT, layer)[0]
    first = next(i for i, l in enumerate(model.links) if l.spec.source == TEXT)
    k, v = link_cache(model, run.state, TEXT, SPEECH)[first]
    out[f"link{first}.k"], out[f"link{first}.v"] = k[0], v[0]
    codes, _ = speak(model, SENTENCE, temperature=0, limit=24)
    stream = torch.tensor([[START, *codes[:-1]]])
    full = model([(TEXT, len(ids)), (SPEECH, 24)], {TEXT: model.towers[TEXT].embed(torch.tensor([ids])), SPEECH: model.towers[SPEECH].embed(stream)})
    out["speech_logits"] = full.logits(SPEECH)[0]
    for layer in range(1, 7):
        out[f"speech_state.{layer}"] = full.state(SPEECH, layer)[0]
    out["speech_ids"] = torch.tensor([START, *codes], dtype=torch.int32)
    return out, {"sentence": SENTENCE, "note": "END and START are masked in this greedy run"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    torch.manual_seed(0)
    spelling, quantizer = load_models()
    if ZIP.exists():
        trainer = Trainer()
        step, seconds = load_trained(trainer)
        stages, trained = {"zip_steps": step, "zip_seconds": round(seconds)}, {"speech_tower": speech_tensors(trainer.zip), "zip": zip_tensors(trainer.zip)}
    else:
        stages, trained = stages_of(), {}
    trained |= {"quantizer": quantizer.state_dict(), "speller": flat(spelling.state_dict())}
    files = {name: q8.pack(t, plain(t)) for name, t in trained.items()}
    files["speller"]["words"] = torch.from_numpy(np.frombuffer(WORDS.read_bytes(), np.int8).copy())
    MODEL.joinpath("reference").mkdir(parents=True, exist_ok=True)
    for name, packed in files.items():
        save_file(packed, MODEL / f"{name}.safetensors")
    files = stored()
    model = as_stored(files)
    MODEL.joinpath("config.json").write_text(json.dumps(config(model, stages), indent=1) + "\n")
    heard, about, samples = listening_reference(model, q8.put_back(quantizer, files["quantizer"]), q8.put_back(spelling, files["speller"]))
    save_file({k: v.contiguous() for k, v in heard.items()}, MODEL / "reference" / "listen.safetensors", about)
    soundfile.write(MODEL / "reference" / "clip.wav", samples, RATE, subtype="PCM_16")
    said, note = speaking_reference(model)
    save_file({k: v.contiguous() for k, v in said.items()}, MODEL / "reference" / "speak.safetensors", note)
    MODEL.joinpath("MODEL_CARD.md").write_text(card.write(stages, card.hours()))
    print(about, stages, f"{sum(f.stat().st_size for f in MODEL.rglob('*')) / 1e6:.1f} MB", sep="\n")


if __name__ == "__main__":
    main()
