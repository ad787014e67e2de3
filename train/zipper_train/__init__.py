"""Offline training of Zipper: speech tokens, speech tower, the zip, evaluation, export. Not shipped."""
