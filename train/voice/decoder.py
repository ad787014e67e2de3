"""Acoustic decoder (tokens to what the decoder reads) and decoder (that to a spectrum's parts). docs/voice.md, sections A and B.

The decoder has hibari-tts's layout and starts from its weights; the acoustic decoder is ours.
"""
import torch
from torch import nn

from zipper_train.quantizer import CODES, ConvBlock

WIDTH, HIDDEN = 256, 768
CONTENT, PITCH, ENERGY, VOICED = 128, 128, 129, 130  # the acoustic decoder's channels: how many of content, then which
BINS = 601
PARTS = 5  # lh, theta, ln, lr, phi


def frame_count(tokens: int) -> int:
    """80 Hz frames of 25 Hz tokens: ceil(16 tokens / 5)."""
    return (16 * tokens + 4) // 5


def to_frames(x):
    """25 Hz to 80 Hz by linear interpolation: frame j lies at (j + 0.5) * 5 / 16 - 0.5. x [batch, tokens, width]."""
    tokens = x.shape[1]
    at = ((torch.arange(frame_count(tokens)) + 0.5) * 5 / 16 - 0.5).clamp(0, tokens - 1)
    left = at.floor().long()
    right, share = (left + 1).clamp(max=tokens - 1), (at - left)[:, None]
    return x[:, left] * (1 - share) + x[:, right] * share


class Acoustic(nn.Module):
    """codes [batch, tokens] and voices [batch] to [batch, frames, 131]: content, pitch (log(1 + Hz) / 5), energy, voicing (logit)."""

    def __init__(self, voices: int = 1, dropout: float = 0.0):
        super().__init__()
        self.code, self.voices = nn.Embedding(CODES, WIDTH), nn.Embedding(voices, WIDTH)
        nn.init.normal_(self.code.weight, std=0.5)
        nn.init.zeros_(self.voices.weight)
        self.slow = nn.ModuleList(ConvBlock(WIDTH, HIDDEN, dropout) for _ in range(4))
        self.fast = nn.ModuleList(ConvBlock(WIDTH, HIDDEN, dropout) for _ in range(2))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-5)
        self.out = nn.Linear(WIDTH, CONTENT + 3)

    def at_tokens(self, x, mask):
        """The blocks at 25 Hz: [batch, tokens, 256] to the same shape. mask [batch, tokens, 1]: 1 inside the clip."""
        for block in self.slow:
            x = block(x, mask)
        return x

    def at_frames(self, x, mask):
        """The blocks at 80 Hz: [batch, tokens, 256] to [batch, frames, 256], which `out` reads."""
        x, wide = to_frames(x), to_frames(mask).round()
        for block in self.fast:
            x = block(x, wide)
        return self.norm(x)

    def forward(self, codes, voices, mask=None):
        """mask [batch, tokens, 1]: 1 inside the clip."""
        mask = torch.ones(*codes.shape, 1) if mask is None else mask
        return self.out(self.at_frames(self.at_tokens(self.code(codes) + self.voices(voices)[:, None], mask), mask))


def gated(acoustic):
    """The acoustic decoder's output as the decoder reads it, [batch, frames, 130]: no pitch where nothing is voiced."""
    voiced = (acoustic[..., VOICED:] > 0).float()
    return torch.cat((acoustic[..., :CONTENT], acoustic[..., PITCH : PITCH + 1] * voiced, acoustic[..., ENERGY : ENERGY + 1]), -1)


def hertz(features):
    """F0 of the decoder's input [..., 130], in Hz; 0 where nothing is voiced."""
    return (5 * features[..., PITCH]).exp() - 1


class VoiceNorm(nn.Module):
    """LayerNorm whose weight and bias are a row of their own for each voice."""

    def __init__(self, voices: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(voices, WIDTH)), nn.Parameter(torch.zeros(voices, WIDTH))

    def forward(self, x, voices):
        y = nn.functional.layer_norm(x, (WIDTH,), eps=1e-5)
        return y * self.weight[voices][:, None] + self.bias[voices][:, None]


class DecoderBlock(ConvBlock):
    """ConvNeXt block with a voice's norm."""

    def __init__(self, voices: int):
        super().__init__(WIDTH, HIDDEN)
        self.norm = VoiceNorm(voices)

    def forward(self, x, voices):
        y = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2), voices)
        return x + self.down(nn.functional.gelu(self.up(y)))


class Decoder(nn.Module):
    """[batch, frames, 130] to [batch, frames, 5, 601]: lh, theta, ln, lr, phi."""

    def __init__(self, voices: int = 1):
        super().__init__()
        self.enter = nn.Conv1d(CONTENT + 2, WIDTH, 7, padding=3)
        self.blocks = nn.ModuleList(DecoderBlock(voices) for _ in range(8))
        self.norm = VoiceNorm(voices)
        self.head = nn.Linear(WIDTH, PARTS * BINS)

    def hidden(self, features, voices):
        x = self.enter(features.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = block(x, voices)
        return self.norm(x, voices)

    def forward(self, features, voices):
        return self.head(self.hidden(features, voices)).unflatten(-1, (PARTS, BINS))

    def start_from(self, weights: dict) -> None:
        """Takes one voice's weights (`teacher.decoder_weights`) for every voice."""
        own = self.state_dict()
        for name, value in weights.items():
            own[name] = value.expand(own[name].shape).clone() if "norm" in name else value
        self.load_state_dict(own)
