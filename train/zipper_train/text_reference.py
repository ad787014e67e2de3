"""Records what the pretrained text tower says, for the Rust tests: logits and greedy continuations in float32.

    python -m zipper_train.text_reference --out ../tests/reference/text_tower.safetensors

For each prompt: 64 greedy tokens, and at the 64 positions that predict them the 16 largest logits, 48 logits at fixed
pseudo-random ids, and the log-sum-exp over the whole vocabulary (which no wrong logit leaves untouched).
"""
import argparse

import torch
from safetensors.torch import save_file
from tqdm import tqdm

from . import gguf_tower

STEPS, TOP, SCATTERED = 64, 16, 48
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village by the sea, there lived",
    "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n",
    "Water boils at 100 degrees Celsius because",
    "<|im_start|>user\nWhat is 12 + 30?<|im_end|>\n<|im_start|>assistant\n",
    "Liebe Freunde, heute ist der 3. Oktober und",
    "1, 1, 2, 3, 5, 8, 13,",
    "“Well,” said the old captain — tapping his pipe — “",
    "🙂 emoji, naïve café, 東京:",
    "A",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    out = parser.parse_args().out
    tower = gguf_tower.load(torch.float32)
    tokenizer = gguf_tower.tokenizer()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    generator = torch.Generator().manual_seed(1)
    scattered = torch.randperm(tower.spec.vocabulary, generator=generator)[:SCATTERED]
    record = {"scattered_ids": scattered.int()}
    for number, prompt in enumerate(tqdm(PROMPTS)):
        ids = tokenizer.encode(prompt).ids
        start = len(ids)
        with torch.no_grad():
            caches = [{} for _ in tower.layers]
            new = ids
            for _ in range(STEPS):
                new = [int(logits(tower, new, caches)[-1].argmax())]
                ids = ids + new
            at = logits(tower, ids[:-1], [None] * len(caches))[start - 1:].float()
        assert at.shape[0] == STEPS and at.argmax(-1).tolist() == ids[start:]
        top = at.topk(TOP)
        record |= {
            f"{number}.prompt_ids": torch.tensor(ids[:start], dtype=torch.int32),
            f"{number}.greedy_ids": torch.tensor(ids[start:], dtype=torch.int32),
            f"{number}.top_ids": top.indices.int().contiguous(),
            f"{number}.top_logits": top.values.contiguous(),
            f"{number}.scattered_logits": at[:, scattered].contiguous(),
            f"{number}.log_sum_exp": at.logsumexp(-1).contiguous(),
        }
    save_file(record, out, metadata={f"{i}.prompt": p for i, p in enumerate(PROMPTS)})


def logits(tower, ids: list[int], caches: list) -> torch.Tensor:
    """`[positions, vocabulary]` for positions that follow what the caches hold."""
    x = tower.embed(torch.tensor([ids]))
    for layer, cache in zip(tower.layers, caches, strict=True):
        x = layer(x, cache)
    return tower.logits(x)[0]


if __name__ == "__main__":
    main()
