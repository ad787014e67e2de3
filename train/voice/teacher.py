"""hibari-tts (Apache-2.0), the teacher of the first voice: its decoder's weights and what goes into that decoder.

Its decoder's weights are int8 with one scale a matrix; here they become float32.
"""
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

FEATURES = "/Concat_43_output_0"  # [1, 130, frames]: what the decoder reads
SPOKEN = "/ReduceSum_1_output_0"  # [frames / 2]: the place of the symbol that is being said


@cache
def graph() -> onnx.ModelProto:
    import hibari
    return onnx.load(Path(hibari.__file__).parent / "assets" / "hibari.onnx")


def decoder_weights() -> dict[str, torch.Tensor]:
    """The decoder's tensors under the names of `decoder.Decoder`; gamma is folded into the second matrix."""
    stored = {i.name: numpy_helper.to_array(i) for i in graph().graph.initializer}

    def matrix(name: str) -> torch.Tensor:  # [in, out] int8 to [out, in]
        q, zero, scale = (stored[f"/{name}/Transpose_output_0_{part}"] for part in ("quantized", "zero_point", "scale"))
        return torch.from_numpy(((q.astype(np.float32) - zero.astype(np.float32)) * scale).T.copy())

    get = lambda name: torch.from_numpy(stored[f"m.{name}"].copy())
    out = {"enter.weight": get("dec_in.weight"), "enter.bias": get("dec_in.bias"),
           "norm.weight": get("dec_norm.weight"), "norm.bias": get("dec_norm.bias"),
           "head.weight": matrix("head"), "head.bias": get("head.bias")}
    for i in range(8):
        gamma = get(f"dec.{i}.gamma")
        out |= {f"blocks.{i}.depthwise.weight": get(f"dec.{i}.dw.weight"), f"blocks.{i}.depthwise.bias": get(f"dec.{i}.dw.bias"),
                f"blocks.{i}.norm.weight": get(f"dec.{i}.norm.weight"), f"blocks.{i}.norm.bias": get(f"dec.{i}.norm.bias"),
                f"blocks.{i}.up.weight": matrix(f"dec.{i}/pw1"), f"blocks.{i}.up.bias": get(f"dec.{i}.pw1.bias"),
                f"blocks.{i}.down.weight": matrix(f"dec.{i}/pw2") * gamma[:, None], f"blocks.{i}.down.bias": get(f"dec.{i}.pw2.bias") * gamma}
    return out


class Teacher:
    """hibari with its decoder's input laid open."""

    def __init__(self, threads: int = 1):
        from hibari import Hibari
        self.voice = Hibari(threads=threads)
        model = onnx.ModelProto()
        model.CopyFrom(graph())
        model.graph.output.append(onnx.helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, [1, 130, None]))
        model.graph.output.append(onnx.helper.make_tensor_value_info(SPOKEN, onnx.TensorProto.INT64, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(self, phonemes: str, speed: float) -> dict[str, np.ndarray]:
        """One sentence: lh, theta, ln, lr, phi [601, frames], f0 [frames], features [frames, 130], symbols [frames] (the teacher's numbers)."""
        ids = np.asarray([self.voice.ids(phonemes)], np.int64)
        values = self.session.run(None, {"ids": ids, "speed": np.asarray([speed], np.float32)})
        out = {o.name: v if o.name == SPOKEN else v[0] for o, v in zip(self.session.get_outputs(), values)}
        out["features"] = out.pop(FEATURES).T
        out["symbols"] = ids[0][out.pop(SPOKEN)].repeat(2)
        return out

    def features(self, text: str, speed: float) -> tuple[np.ndarray, np.ndarray]:
        """Decoder input of a text, its sentences joined as its sound is, [frames, 130], and the symbols said, [frames]."""
        runs = [self.run(p, speed) for p in self.voice.phonemize(text)]
        return np.concatenate([r["features"] for r in runs]), np.concatenate([r["symbols"] for r in runs])
