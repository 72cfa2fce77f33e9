#!/usr/bin/env bash
# A room of pyroomacoustics delays sound by 40 samples more than its way takes.
#
# Versions: pyroomacoustics 0.10.1, numpy 2.4.6, Python 3.11.
# Date: 2026-11-30.
#
# A source without walls, 3.43 m from the microphone: sound takes 10 ms, at any
# rate. The impulse response should be largest at that time.
#
# Expected: 10 ms, so that labels in time stay beside what they mark.
# Seen: half of the filter for delays between samples (81 samples) comes on top
# and is not taken off again, 5 ms at 8 kHz and 0.9 ms at 44.1 kHz; simulate()
# has it too, and what it returns is longer by it:
#    8000 Hz: direct sound at 15.00 ms (sample 120 for 80)
#   16000 Hz: direct sound at 12.50 ms (sample 200 for 160)
#   44100 Hz: direct sound at 10.91 ms (sample 481 for 441)
# What to do: cut constants.get('frac_delay_length') // 2 samples off the start
# before clean and reverberant sound are compared, mixed or labelled in time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyroomacoustics==0.10.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import pyroomacoustics as pra

extra = pra.constants.get('frac_delay_length') // 2
for rate in (8_000, 16_000, 44_100):
  room = pra.AnechoicRoom(fs=rate)
  click = np.zeros(rate)
  click[0] = 1
  room.add_source([0, 0, 0], signal=click)
  room.add_microphone([0.01 * room.c, 0, 0])
  room.simulate()
  response = np.abs(room.rir[0][0]).argmax()
  recorded = np.abs(room.mic_array.signals[0]).argmax()
  due = rate // 100
  print(
    f'{rate:5} Hz: direct sound at {1000 * response / rate:.2f} ms '
    f'(sample {response} for {due})'
  )
  assert response == recorded == due + extra
assert extra == 40
print('as described')
PYTHON
