"""The voice gate: what opens it, what does not, how long it stays open."""

from __future__ import annotations

import numpy as np
import pytest

from sernet_jax.audio.voice_gate import GateSpec, VoiceGate

RATE_HZ, HOP = 16_000, 256


def heard(samples, pieces=1):
  gate = VoiceGate(GateSpec(RATE_HZ, HOP))
  for piece in np.array_split(np.float32(samples), pieces):
    gate.push(piece)
  return gate


def noise(seconds, level=0.003):
  random = np.random.default_rng(0)
  return level * random.normal(size=round(seconds * RATE_HZ))


def test_hops_of_a_spec():
  spec = GateSpec(RATE_HZ, HOP)
  assert spec.hang_hops == 18  # 0.288 s
  assert spec.voice_hops == 19  # 0.304 s


@pytest.mark.parametrize('level', [0.0, 1e-5, 0.003, 0.3])
def test_steady_sound_has_no_voice(level):
  assert not heard(noise(4, level)).has_voice(0, 4 * RATE_HZ)


def test_a_burst_has_a_voice_and_a_click_has_not():
  sound = noise(6)
  sound[RATE_HZ : RATE_HZ + 8000] *= 30
  sound[4 * RATE_HZ] = 0.9
  gate = heard(sound)
  windows = [gate.has_voice(k * RATE_HZ, (k + 1) * RATE_HZ) for k in range(6)]
  # A click opens it for as long as it hangs, less than a voice needs.
  assert windows == [False, True, False, False, False, False]


def test_what_is_faint_has_no_voice():
  sound = noise(3, 1e-5)
  sound[RATE_HZ : 2 * RATE_HZ] *= 50  # -66 dB of full scale
  assert not heard(sound).has_voice(0, 3 * RATE_HZ)


def test_pieces_of_any_size_change_nothing():
  sound = noise(5)
  sound[20_000:40_000] *= 30
  gates = [heard(sound, pieces) for pieces in (1, 7, 311)]
  for start in range(0, 4 * RATE_HZ, 4000):
    found = {gate.has_voice(start, start + RATE_HZ) for gate in gates}
    assert len(found) == 1


def test_windows_before_the_first_whole_hop_and_behind_the_end():
  gate = heard(noise(1))
  assert not gate.has_voice(0, 10)
  assert not gate.has_voice(5 * RATE_HZ, 6 * RATE_HZ)
  assert len(gate._open) == 0  # hops before a window are forgotten
