"""Q8_0: int8 with one float16 scale for each block of 32 along a matrix's inputs."""
import torch

BLOCK = 32


def quantize(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[out, in] to int8 [out, in] and float16 [out, in / 32]."""
    blocks = matrix.detach().float().unflatten(1, (-1, BLOCK))
    scale = (blocks.abs().amax(-1) / 127).half()
    codes = (blocks / scale.float().clamp(min=1e-12)[..., None]).round().clamp(-127, 127)
    return codes.to(torch.int8).flatten(1), scale


def dequantize(codes: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (codes.unflatten(1, (-1, BLOCK)).float() * scale.float()[..., None]).flatten(1)


def pack(tensors: dict, plain: set = frozenset()) -> dict:
    """A file's tensors: matrices as NAME.q and NAME.scale, all else (and those in `plain`) float32."""
    out = {}
    for name, value in tensors.items():
        value = value.detach().float()
        if value.dim() == 2 and name not in plain:
            out[name + ".q"], out[name + ".scale"] = quantize(value)
        else:
            out[name] = value.reshape(1).contiguous() if value.dim() == 0 else value.contiguous().clone()
    return out


def unpack(tensors: dict) -> dict:
    """The float32 values that `pack` stands for."""
    out = {n: t for n, t in tensors.items() if not n.endswith((".q", ".scale"))}
    return out | {n[:-2]: dequantize(t, tensors[n[:-2] + ".scale"]) for n, t in tensors.items() if n.endswith(".q")}


def put_back(module, packed: dict, prefix: str = ""):
    """Gives a module the values that a file stores for it under `prefix`, for good."""
    values = unpack(packed)
    module.load_state_dict({n: values[prefix + n].reshape(v.shape) for n, v in module.state_dict().items()})
    return module.eval().requires_grad_(False)
