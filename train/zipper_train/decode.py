"""Listening and speaking, one clip at a time: what the Rust side does, in PyTorch."""
import torch
import torch.nn.functional as F

from . import gguf_tower
from .model import CODES, END, SPEECH, START, TEXT


def link_cache(model, run_state, source: int, target: int) -> dict:
    """Keys and values of every link from `source` to `target`, computed once."""
    return {i: link.keys_values(run_state(source, link.spec.source_layer)) for i, link in enumerate(model.links)
            if (link.spec.source, link.spec.target) == (source, target)}


def step(model, tower: int, x, caches: list, links: dict, at: int):
    """One position of `tower` through its blocks and links; x [1, 1, width]. Returns the last stream."""
    for number, block in enumerate(model.towers[tower].layers, 1):
        x = state = block(x, caches[number - 1])
        for i, keys_values in links.items():
            if model.links[i].spec.target_layer == number:
                x = x + model.links[i](state, keys_values, start=at)[0]
    return x


def hear(model, codes, features):
    """The speech tower over a clip: a Run whose speech states the text side reads. codes [n], features [n, 384]."""
    speech = model.towers[SPEECH]
    ids = F.pad(codes.long(), (1, 0), value=START)[None]
    embedded = speech.embed(ids, F.pad(features.float(), (0, 0, 1, 0))[None])
    return model([(SPEECH, ids.shape[1]), (TEXT, 1)], {SPEECH: embedded})


@torch.no_grad()
def listen(model, codes, features) -> list[int]:
    """Greedy transcript ids of one clip, without the marks."""
    text = model.towers[TEXT]
    links = link_cache(model, hear(model, codes, features).state, SPEECH, TEXT)
    caches, out, last = [{} for _ in text.layers], [], 0
    for at in range(4 + len(codes)):
        x = step(model, TEXT, text.embed(torch.tensor([[last]])), caches, links, at)
        last = int(text.logits(x)[0, 0].argmax())
        if last == gguf_tower.END:
            break
        out.append(last)
    return out


def read(model, text: str):
    """Spelled ids and keys and values of the links into the speech tower."""
    tower = model.towers[TEXT]
    ids = [0, *gguf_tower.spell(text), 0]
    run = model([(TEXT, len(ids)), (SPEECH, 1)], {TEXT: tower.embed(torch.tensor([ids]))})
    return ids, run


TEMPERATURE, TOP_K = 0.3, 50
GUIDANCE = 0.5  # how far speech is moved away from what the speech tower would say alone (classifier-free guidance)
PLAUSIBLE = 6.0  # nats below the likeliest within which a token may be lifted by it
AWAY = 100.0  # nats that others lose


def guided(logits, free, weight: float):
    """Logits away from those without the text. `src/kernels/contrast.rs` is its twin."""
    return torch.where(logits >= logits.max() - PLAUSIBLE, logits + weight * (logits - free), logits - AWAY)


@torch.no_grad()
def speak(model, text: str, temperature: float = TEMPERATURE, top_k: int = TOP_K, seed: int = 0, limit: int | None = None,
          guidance: float = GUIDANCE) -> tuple[list[int], bool]:
    """Speech codes of a text, and whether END came by itself. temperature 0: greedy."""
    speech = model.towers[SPEECH]
    ids, run = read(model, text)
    size = len(ids) - 2
    links = link_cache(model, run.state, TEXT, SPEECH)
    caches, alone, out, last = [{} for _ in speech.layers], [{} for _ in speech.layers], [], START
    generator = torch.Generator().manual_seed(seed)
    for at in range(limit or 25 + 5 * size):
        x = speech.embed(torch.tensor([[last]]))
        logits = speech.logits(step(model, SPEECH, model.enter(SPEECH, x), caches, links, at))[0, 0]
        if guidance:
            logits = guided(logits, speech.logits(step(model, SPEECH, x, alone, {}, at))[0, 0], guidance)
        logits[START] = logits[END + 1 :] = -1e9
        if at < size or limit:
            logits[END] = -1e9
        if temperature == 0:
            last = int(logits.argmax())
        else:
            values, places = (logits / temperature).topk(top_k)
            last = int(places[torch.multinomial(values.softmax(-1), 1, generator=generator)])
        if last == END:
            return out, True
        out.append(last)
    return out, False
