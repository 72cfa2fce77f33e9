"""Frames of AAC without a container (ADTS, ISO/IEC 13818-7)."""

from __future__ import annotations


def frame_bytes(head: bytes) -> int:
  """Returns the length of the frame that begins here, 0 if none does."""
  # Twelve set bits, then the layer, which is 0.
  if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
    return 0
  if head[2] >> 2 & 15 > 12:  # index of the sample rate
    return 0
  size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
  return size if size > 7 else 0


def begins(head: bytes) -> bool:
  """Tells whether two frames follow each other, or one fills all of `head`."""
  size = frame_bytes(head)
  return size > 0 and (size == len(head) or frame_bytes(head[size:]) > 0)
