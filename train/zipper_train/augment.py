"""Makes a clean clip sound like a laptop's microphone: speed, gain, reverberation, band limit, noise, clipping."""
import numpy as np
import soxr

RATE = 16_000


def reverberate(x: np.ndarray, rng) -> np.ndarray:
    """Convolves with an exponentially fading noise tail (RT60 0.1–0.5 s), the direct sound kept in front."""
    rt60 = rng.uniform(0.1, 0.5)
    n = int(rt60 * RATE)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n) * rng.uniform(0.02, 0.12)
    tail[0] = 1.0
    size = 1 << (len(x) + n - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)[: len(x)]


def band_limit(x: np.ndarray, rng) -> np.ndarray:
    """Keeps a random band, as small microphones and codecs do, with a soft edge."""
    spectrum = np.fft.rfft(x)
    hertz = np.linspace(0, RATE / 2, len(spectrum))
    low, high = rng.uniform(50, 250), rng.uniform(3400, 7500)
    return np.fft.irfft(spectrum / (1 + (low / np.maximum(hertz, 1)) ** 6) / (1 + (hertz / high) ** 12), len(x))


def coloured_noise(n: int, rng) -> np.ndarray:
    """Noise between white and brown, unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, n)
    return noise / (noise.std() + 1e-9)


def augment(x: np.ndarray, rng) -> np.ndarray:
    """x [n] float at 16 kHz; returns another [m]; `rng` decides all."""
    if rng.random() < 0.6:
        x = soxr.resample(x, RATE, RATE / rng.uniform(0.87, 1.15))
    if rng.random() < 0.4:
        x = reverberate(x, rng)
    if rng.random() < 0.4:
        x = band_limit(x, rng)
    if rng.random() < 0.5:
        x = x + coloured_noise(len(x), rng) * x.std() * 10 ** (-rng.uniform(5, 30) / 20)
    x = x / (np.abs(x).max() + 1e-9) * 10 ** (-rng.uniform(0, 25) / 20)
    if rng.random() < 0.1:
        x = np.clip(x * 3, -1, 1)
    return x.astype(np.float32)
