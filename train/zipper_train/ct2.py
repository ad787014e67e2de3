"""Reads the weights of a CTranslate2 model file (binary version 6).

Layout, little endian: version u32; spec name (u16 length with its NUL, bytes); revision u32; count u32; then for each
variable: name, rank u8, dimensions u32 each, type u8, size u32, data. Names at the end are aliases.
"""
import struct
from pathlib import Path

import numpy as np
import torch

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read(path: Path) -> dict[str, torch.Tensor]:
    """Every variable of the file by name, as float32 (integers keep their type)."""
    blob = Path(path).read_bytes()
    at = 0

    def take(form: str):
        nonlocal at
        value = struct.unpack_from("<" + form, blob, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def text() -> str:
        nonlocal at
        length = take("H")
        value = blob[at : at + length].rstrip(b"\0").decode()
        at += length
        return value

    version = take("I")
    if version != 6:
        raise ValueError(f"{path}: CTranslate2 binary version {version}, only 6 is known")
    text(), take("I")
    weights = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        kind, size = take("B"), take("I")
        array = np.frombuffer(blob, TYPES[kind], size // np.dtype(TYPES[kind]).itemsize, at).reshape(shape)
        at += size
        tensor = torch.from_numpy(array.copy())
        weights[name] = tensor.float() if tensor.is_floating_point() else tensor
    for _ in range(take("I")):
        alias, name = text(), text()
        weights[alias] = weights[name]
    return weights
