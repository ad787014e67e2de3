"""The pretrained text tower: SmolLM2-135M-Instruct, dequantized from its GGUF; and its tokenizer.

The GGUF's q and k rows are already permuted for interleaved RoPE, which is what `tower` rotates.
"""
from functools import cache

import torch
from gguf import GGUFReader
from gguf.quants import dequantize

from . import pinned
from .tower import Tower, TowerSpec

SPEC = TowerSpec("text", layers=30, width=576, heads=9, kv_heads=3, ffn=1536, vocabulary=49152,
                 rope_base=100_000.0, eps=1e-5, tied=True)
END = 0  # <|endoftext|>: before and after every transcript
NAMES = {"attn_norm": "attention_norm", "ffn_norm": "ffn_norm", "attn_q": "q", "attn_k": "k", "attn_v": "v",
         "attn_output": "o", "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down"}


def load(dtype=torch.bfloat16) -> Tower:
    """Frozen, in `dtype`; norms stay float32."""
    reader = GGUFReader(pinned.SMOLLM2)
    weights = {}
    for tensor in reader.tensors:
        value = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        part = tensor.name.split(".")
        if part[0] == "blk":
            weights[f"layers.{part[1]}.{NAMES[part[2]]}.weight"] = value
        elif part[0] == "token_embd":
            weights["embedding.weight"] = value
        elif part[0] == "output_norm":
            weights["norm.weight"] = value
    with torch.device("meta"):
        tower = Tower(SPEC)
    tower.load_state_dict({k: v if v.dim() == 1 else v.to(dtype) for k, v in weights.items()}, assign=True)
    return tower.requires_grad_(False).eval()


@cache
def tokenizer():
    """SmolLM2's byte-level BPE from the GGUF's metadata (pretokenizer: digits apart, then GPT-2's pattern)."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    reader = GGUFReader(pinned.SMOLLM2)
    field = lambda name: reader.fields[name].contents()
    tokens, merges = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.merges")
    built = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    built.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    built.decoder = decoders.ByteLevel()
    return built


def encode(text: str) -> list[int]:
    """Sub-words of a transcript, as written."""
    return tokenizer().encode(text).ids


def spell(text: str) -> list[int]:
    """One token a byte-level character: what the text tower reads when it is to be spoken."""
    vocabulary = spelling()
    return [vocabulary[b] for b in text.encode()]


@cache
def spelling() -> list[int]:
    """Token id of each single byte (bytes without a token, which no English text has, fall back to that of a space)."""
    from tokenizers.pre_tokenizers import ByteLevel
    alphabet = byte_letters()
    get = tokenizer().token_to_id
    space = get(alphabet[32])
    return [space if get(alphabet[b]) is None else get(alphabet[b]) for b in range(256)]


def byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(spare)) for b in range(256)]
