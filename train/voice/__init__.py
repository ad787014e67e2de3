"""The voice: speech tokens to sound. Contract: docs/voice.md."""
