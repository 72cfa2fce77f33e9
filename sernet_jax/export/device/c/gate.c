/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells voice from silence and steady noise; see gate.h. */
#include "gate.h"

#include <math.h>
#include <string.h>

void sernet_gate_init(sernet_gate *state) { memset(state, 0, sizeof *state); }

/* Adds up samples and their squares. */
static int64_t add_up(const int16_t *samples, size_t count, int64_t *sum) {
  int64_t squares = 0;
  size_t i;
  *sum = 0;
  for (i = 0; i < count; i++) {
    squares += (int32_t)samples[i] * samples[i];
    *sum += samples[i];
  }
  return squares;
}

int sernet_gate_push(sernet_gate *state, const int16_t hop[SERNET_HOP]) {
  int64_t sum, energy = add_up(hop, SERNET_HOP, &sum);
  float level_db;
  energy -= sum * sum / SERNET_HOP; /* a microphone's offset is not heard */
  /* At least the square of one step in one sample, so that there is a
   * logarithm. */
  if (energy < 1) energy = 1;
  level_db = 10.0f * log10f((float)energy / (SERNET_HOP * 1073741824.0f));
  if (state->heard == 0 || level_db < state->noise_db)
    state->noise_db = level_db;
  else
    state->noise_db += SERNET_GATE_RISE_DB * SERNET_HOP / SERNET_RATE_HZ;
  if (state->heard < INT32_MAX) state->heard++;
  if (level_db < state->noise_db + SERNET_GATE_CLOSE_DB ||
      level_db < SERNET_GATE_LEAST_DB)
    state->quiet++;
  else
    state->quiet = 0;
  if (state->quiet > SERNET_GATE_HANG) state->quiet = SERNET_GATE_HANG;
  if (level_db >= state->noise_db + SERNET_GATE_OPEN_DB &&
      level_db >= SERNET_GATE_LEAST_DB)
    state->open = 1;
  else if (state->quiet >= SERNET_GATE_HANG)
    state->open = 0;
  return state->open;
}

float sernet_level_db(const int16_t *samples, size_t count) {
  int64_t sum, squares = add_up(samples, count, &sum);
  double energy;
  if (count == 0) return -HUGE_VALF;
  energy = (double)squares - (double)sum * (double)sum / (double)count;
  if (energy <= 0.0) return -HUGE_VALF;
  return (float)(10.0 * log10(energy / ((double)count * 1073741824.0)));
}

int sernet_silent(float level_db, float *loudest_db) {
  if (level_db > *loudest_db) *loudest_db = level_db;
  return level_db == -HUGE_VALF || level_db < SERNET_FLOOR_DB ||
         level_db < *loudest_db - SERNET_SILENCE_DB;
}

int sernet_holds_sound(const int16_t *samples, size_t count, float scale) {
  size_t i;
  if (count == 1) return samples[0] != 0; /* one is no constant, unless 0 */
  for (i = 1; i < count; i++)
    if (sernet_scaled(samples[i], scale) != sernet_scaled(samples[0], scale))
      return 1;
  return 0;
}
