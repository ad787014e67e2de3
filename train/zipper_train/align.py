"""Forced alignment of characters to frames (Viterbi over CTC), and what it says about tokens."""
import re

import numpy as np

from .text import CHARACTERS


def spelled_positions(text: str) -> list[tuple[int, int]]:
    """(CTC class, index in `text`) of each character that `text.normalize` would keep."""
    out = []
    for index, c in enumerate(text.lower().replace("’", "'")):
        c = " " if re.match(r"[-–—/\s]", c) else c
        if c in CHARACTERS and (c != " " or (out and out[-1][0] != 1)):
            out.append((CHARACTERS.index(c) + 1, index))
    return out[:-1] if out and out[-1][0] == 1 else out


def viterbi(logs: np.ndarray, classes: list[int]) -> np.ndarray | None:
    """Best CTC path. logs [time, classes]; returns the index into `classes` heard at or last before each frame [time]."""
    n, time = len(classes), len(logs)
    if n == 0 or n > time:
        return None
    states = np.zeros(2 * n + 1, int)
    states[1::2] = classes
    skip = np.zeros(2 * n + 1, bool)
    skip[3::2] = states[3::2] != states[1:-2:2]
    emit = logs[:, states]  # [time, states]
    score = np.full(2 * n + 1, -1e30)
    score[:2] = emit[0, :2]
    back = np.zeros((time, 2 * n + 1), np.int8)
    for t in range(1, time):
        one = np.concatenate(([-1e30], score[:-1]))
        two = np.where(skip, np.concatenate(([-1e30, -1e30], score[:-2])), -1e30)
        choices = np.stack((score, one, two))
        back[t] = choices.argmax(0)
        score = choices.max(0) + emit[t]
    state = 2 * n if score[2 * n] >= score[2 * n - 1] else 2 * n - 1
    if score[state] < -1e20:
        return None
    path = np.zeros(time, int)
    for t in range(time - 1, -1, -1):
        path[t] = state
        state -= int(back[t, state])
    return np.maximum((path - 1) // 2, 0)


def characters_heard(logs: np.ndarray, text: str) -> np.ndarray | None:
    """Index into `text` of the character at each frame [time], or None where text and sound cannot be aligned."""
    positions = spelled_positions(text)
    path = viterbi(logs, [c for c, _ in positions])
    return None if path is None else np.array([index for _, index in positions])[path]
