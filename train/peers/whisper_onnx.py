"""whisper-base as ONNX for transformers.js, from the pinned CTranslate2 file.

    python -m peers.whisper_onnx          # into $ZIPPER_DATA/peers/whisper-base

The decoder's graph holds two branches over one set of weights: the prompt (which also projects the encoder's states for
cross-attention, once) and every later token. That is the layout transformers.js asks for under `decoder_model_merged`.
"""
import argparse
import io
import json
import math
import warnings
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper
from torch import nn

from zipper_train import ct2, pinned
from zipper_train.encoder import Encoder
from zipper_train.paths import ARTEFACTS

LAYERS, HEADS, WIDTH, FFN = 6, 8, 512, 2048
PROMPT, END, NO_TIMES = 50258, 50257, 50363
TASKS = {"translate": 50358, "transcribe": 50359}
OPSET = 17


class Whole(nn.Module):
    """The encoder over the full 30 s that whisper expects. input_features [b, 80, 3000] to states [b, 1500, 512]."""

    def __init__(self, weights: dict):
        super().__init__()
        self.encoder = Encoder(weights)

    def forward(self, input_features):
        e = self.encoder
        x = F.gelu(e.conv2(F.gelu(e.conv1(input_features)))).transpose(1, 2) + e.positions
        for layer in e.layers:
            x = layer(x, None)
        return e.norm(x)


def linear(weights: dict, name: str) -> nn.Linear:
    w = weights[f"{name}/weight"]
    module = nn.Linear(w.shape[1], w.shape[0])
    module.weight.data, module.bias.data = w, weights[f"{name}/bias"]
    return module


def norm(weights: dict, name: str) -> nn.LayerNorm:
    module = nn.LayerNorm(WIDTH, eps=1e-5)
    module.weight.data, module.bias.data = weights[f"{name}/gamma"], weights[f"{name}/beta"]
    return module


def heads(x):
    """[b, t, 512] to [b, 8, t, 64]."""
    return x.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)


def attend(q, k, v, mask=None):
    """All [b, 8, t, 64]; returns [b, t, 512]."""
    scores = q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS)
    if mask is not None:
        scores = scores + mask
    y = (scores.softmax(-1) @ v).transpose(1, 2)
    return y.reshape(y.shape[0], y.shape[1], WIDTH)


class Layer(nn.Module):
    """One pre-norm decoder layer."""

    def __init__(self, weights: dict, name: str):
        super().__init__()
        self.self_norm = norm(weights, f"{name}/self_attention/layer_norm")
        self.cross_norm = norm(weights, f"{name}/attention/layer_norm")
        self.ffn_norm = norm(weights, f"{name}/ffn/layer_norm")
        self.qkv, self.self_out = (linear(weights, f"{name}/self_attention/linear_{i}") for i in (0, 1))
        self.query, self.states, self.cross_out = (linear(weights, f"{name}/attention/linear_{i}") for i in (0, 1, 2))
        self.up, self.down = (linear(weights, f"{name}/ffn/linear_{i}") for i in (0, 1))

    def cross(self, states):
        """Keys and values of the encoder's states, each [b, 8, 1500, 64]."""
        k, v = self.states(states).chunk(2, -1)
        return heads(k), heads(v)

    def forward(self, x, past, cross, mask):
        q, k, v = map(heads, self.qkv(self.self_norm(x)).chunk(3, -1))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        x = x + self.self_out(attend(q, k, v, mask))
        x = x + self.cross_out(attend(heads(self.query(self.cross_norm(x))), *cross))
        return x + self.down(F.gelu(self.up(self.ffn_norm(x)))), (k, v)


class Decoder(nn.Module):
    """Tokens to logits. The table of words is kept once, as [512, words], for looking up and for the logits alike."""

    def __init__(self, weights: dict):
        super().__init__()
        self.words = nn.Parameter(weights["decoder/embeddings/weight"].T.contiguous())
        self.positions = nn.Parameter(weights["decoder/position_encodings/encodings"])
        self.layers = nn.ModuleList(Layer(weights, f"decoder/layer_{i}") for i in range(LAYERS))
        self.norm = norm(weights, "decoder/layer_norm")
        self.requires_grad_(False).eval()

    def embed(self, ids, start):
        x = self.words.index_select(1, ids.flatten()).T.view(ids.shape[0], ids.shape[1], WIDTH)
        return x + self.positions[start : start + ids.shape[1]]

    def prompt(self, ids, states):
        """The first tokens at once: logits, then for every layer its keys and values and those of the states."""
        steps = torch.arange(ids.shape[1])
        mask = torch.where(steps[None] <= steps[:, None], 0.0, -1e9)
        x, kept = self.embed(ids, 0), []
        for layer in self.layers:
            cross = layer.cross(states)
            x, own = layer(x, None, cross, mask)
            kept += [*own, *cross]
        return self.norm(x) @ self.words, *kept

    def step(self, ids, *past):
        """One token after `past` (as `prompt` gives it): logits, then the longer keys and values of every layer."""
        x, kept = self.embed(ids, past[0].shape[2]), []
        for i, layer in enumerate(self.layers):
            x, own = layer(x, past[4 * i : 4 * i + 2], past[4 * i + 2 : 4 * i + 4], None)
            kept += own
        return self.norm(x) @ self.words, *kept


class Part(nn.Module):
    """One way through the decoder, as a module that can be exported."""

    def __init__(self, decoder: Decoder, name: str):
        super().__init__()
        self.decoder, self.way = decoder, getattr(decoder, name)

    def forward(self, *inputs):
        return self.way(*inputs)


def exported(module: nn.Module, inputs: tuple, names: list[str], outputs: list[str], axes: dict) -> onnx.ModelProto:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter by tracing is old, and needs no further package
        torch.onnx.export(module, inputs, file, input_names=names, output_names=outputs, dynamic_axes=axes,
                          opset_version=OPSET, dynamo=False)
    return onnx.load_from_string(file.getvalue())


def kept_names(kind: str, sides=("decoder", "encoder")) -> list[str]:
    return [f"{kind}.{i}.{side}.{part}" for i in range(LAYERS) for side in sides for part in ("key", "value")]


def branch(model: onnx.ModelProto, name: str, shared: dict, inputs: set[str]) -> onnx.GraphProto:
    """The model's nodes with names of their own; weights go to `shared` (by content), inputs keep their names."""
    renamed = {}
    for tensor in model.graph.initializer:
        content = (tuple(tensor.dims), tensor.data_type, tensor.raw_data)
        if content not in shared:
            kept = onnx.TensorProto()
            kept.CopyFrom(tensor)
            kept.name = f"weight_{len(shared)}"
            shared[content] = kept
        renamed[tensor.name] = shared[content].name
    new = lambda old: old if old in inputs or not old else renamed.setdefault(old, f"{name}/{old}")
    graph = onnx.GraphProto(name=name)
    for node in model.graph.node:
        copy = graph.node.add()
        copy.CopyFrom(node)
        copy.name = f"{name}/{node.name}"
        copy.input[:], copy.output[:] = map(new, node.input), map(new, node.output)
    for output in model.graph.output:
        copy = graph.output.add()
        copy.CopyFrom(output)
        copy.name = new(output.name)
    return graph


def merged(decoder: Decoder) -> onnx.ModelProto:
    """Both ways under one `If`."""
    ids, states = torch.tensor([[PROMPT, 50259, 50359]]), torch.randn(1, 1500, WIDTH)
    kept = decoder.prompt(ids, states)[1:]
    first = exported(Part(decoder, "prompt"), (ids, states), ["input_ids", "encoder_hidden_states"],
                     ["logits", *kept_names("present")],
                     {"input_ids": {0: "b", 1: "n"}, "encoder_hidden_states": {0: "b", 1: "t"}})
    later = exported(Part(decoder, "step"), (ids[:, :1], *kept), ["input_ids", *kept_names("past_key_values")],
                     ["logits", *kept_names("present", ("decoder",))],
                     {"input_ids": {0: "b", 1: "n"}} | {name: {0: "b", 2: "t"} for name in kept_names("past_key_values")})
    size = WIDTH // HEADS
    past = {name: ["batch_size", HEADS, "past_decoder_sequence_length" if "decoder" in name else "encoder_sequence_length", size]
            for name in kept_names("past_key_values")}
    value = helper.make_tensor_value_info
    inputs = [value("input_ids", TensorProto.INT64, ["batch_size", "decoder_sequence_length"]),
              value("encoder_hidden_states", TensorProto.FLOAT, ["batch_size", "encoder_sequence_length", WIDTH]),
              *(value(name, TensorProto.FLOAT, shape) for name, shape in past.items()),
              value("use_cache_branch", TensorProto.BOOL, [1])]
    names = {i.name for i in inputs}
    shared = {}
    prompt, step = branch(first, "prompt", shared, names), branch(later, "step", shared, names)
    # A later step does not hand the states' keys and values on: transformers.js keeps the first ones and ignores these.
    empty = helper.make_tensor("empty", TensorProto.FLOAT, [0, HEADS, 1, size], [])
    given = {o.name.removeprefix("step/"): o for o in step.output}
    outputs = []
    for name in ("logits", *kept_names("present")):
        if name not in given:
            step.node.append(helper.make_node("Constant", [], [f"step/{name}"], value=empty))
            given[name] = value(f"step/{name}", TensorProto.FLOAT, [0, HEADS, 1, size])
        outputs.append(given[name])
    del step.output[:]
    step.output.extend(outputs)
    ends = [value("logits", TensorProto.FLOAT, ["batch_size", "decoder_sequence_length", decoder.words.shape[1]])]
    ends += [value(name, TensorProto.FLOAT, ["batch_size", HEADS, f"{name.split('.')[2]}_length", size]) for name in kept_names("present")]
    choice = helper.make_node("If", ["use_cache_branch"], [e.name for e in ends], then_branch=step, else_branch=prompt)
    graph = helper.make_graph([choice], "decoder", inputs, ends, list(shared.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def settings(vocabulary: int) -> dict[str, dict]:
    """The JSON files that stand beside the graphs."""
    source = json.loads((pinned.WHISPER / "config.json").read_text())
    tokens = json.loads((pinned.WHISPER / "tokenizer.json").read_text())
    languages = {t["content"]: t["id"] for t in tokens["added_tokens"] if t["id"] in source["lang_ids"]}
    common = {"decoder_start_token_id": PROMPT, "bos_token_id": END, "eos_token_id": END, "pad_token_id": END}
    return {
        "config.json": common | {
            "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "is_encoder_decoder": True,
            "d_model": WIDTH, "encoder_layers": LAYERS, "decoder_layers": LAYERS, "encoder_attention_heads": HEADS,
            "decoder_attention_heads": HEADS, "encoder_ffn_dim": FFN, "decoder_ffn_dim": FFN, "vocab_size": vocabulary,
            "num_mel_bins": 80, "max_source_positions": 1500, "max_target_positions": 448, "use_cache": True},
        "generation_config.json": common | {
            "is_multilingual": True, "lang_to_id": languages, "task_to_id": TASKS, "no_timestamps_token_id": NO_TIMES,
            "suppress_tokens": source["suppress_ids"], "begin_suppress_tokens": source["suppress_ids_begin"],
            "alignment_heads": source["alignment_heads"], "max_initial_timestamp_index": 50, "max_length": 448,
            "prev_sot_token_id": 50361, "return_timestamps": False},
        "preprocessor_config.json": {
            "feature_extractor_type": "WhisperFeatureExtractor", "processor_class": "WhisperProcessor", "feature_size": 80,
            "sampling_rate": 16000, "hop_length": 160, "n_fft": 400, "chunk_length": 30, "n_samples": 480000,
            "nb_max_frames": 3000, "padding_value": 0.0, "padding_side": "right", "return_attention_mask": False},
        "tokenizer_config.json": {
            "tokenizer_class": "WhisperTokenizer", "processor_class": "WhisperProcessor", "model_max_length": 1024,
            "add_prefix_space": False, "clean_up_tokenization_spaces": False, "bos_token": "<|endoftext|>",
            "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"},
        "tokenizer.json": tokens,
    }


@torch.inference_mode()
def check(folder: Path, encoder: Whole, decoder: Decoder) -> float:
    """The largest difference between the graphs' logits and PyTorch's, over a prompt and one more token."""
    import numpy as np
    import onnxruntime as ort

    mel, ids = torch.randn(1, 80, 3000), torch.tensor([[PROMPT, 50259, 50359, NO_TIMES]])
    states = encoder(mel)
    logits, *kept = decoder.prompt(ids, states)
    after = decoder.step(torch.tensor([[440]]), *kept)[0]
    sessions = [ort.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
                for name in ("encoder_model", "decoder_model_merged")]
    (found,) = sessions[0].run(None, {"input_features": mel.numpy()})
    past = {name: np.zeros((1, HEADS, 0, WIDTH // HEADS), np.float32) for name in kept_names("past_key_values")}
    one = sessions[1].run(None, past | {"input_ids": ids.numpy(), "encoder_hidden_states": found, "use_cache_branch": np.array([False])})
    past = dict(zip(kept_names("past_key_values"), one[1:]))
    two = sessions[1].run(None, past | {"input_ids": np.array([[440]]), "encoder_hidden_states": found, "use_cache_branch": np.array([True])})
    return max(float(np.abs(a.numpy() - b).max()) for a, b in ((logits, one[0]), (after, two[0])))


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ARTEFACTS / "peers" / "whisper-base")
    folder = parser.parse_args().folder
    pinned.fetch()
    torch.set_num_threads(1)
    weights = ct2.read(pinned.WHISPER / "model.bin")
    encoder, decoder = Whole(weights), Decoder(weights)
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    onnx.save(exported(encoder, (torch.randn(1, 80, 3000),), ["input_features"], ["last_hidden_state"],
                       {"input_features": {0: "batch_size"}, "last_hidden_state": {0: "batch_size"}}), folder / "onnx" / "encoder_model.onnx")
    onnx.save(merged(decoder), folder / "onnx" / "decoder_model_merged.onnx")
    for name, content in settings(decoder.words.shape[1]).items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False))
    difference = check(folder / "onnx", encoder, decoder)
    if difference > 1e-2:
        raise SystemExit(f"the exported graphs differ from PyTorch by {difference}")
    print(f"{folder}: logits differ from PyTorch's by at most {difference:.1e}")


if __name__ == "__main__":
    main()
