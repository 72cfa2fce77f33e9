/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells voice from silence and steady noise: energy with hysteresis.
 *
 * The gate opens when a hop is SERNET_GATE_OPEN_DB above the noise and louder
 * than SERNET_GATE_LEAST_DB, and closes when SERNET_GATE_HANG hops in a row are
 * less than SERNET_GATE_CLOSE_DB above it. The noise follows the quietest hops
 * at once and rises slowly. Other sounds than voices open it too. A window with
 * fewer than SERNET_GATE_VOICE open hops has no voice.
 *
 * A window SERNET_SILENCE_DB below the loudest one so far is silence, and so is
 * one below SERNET_FLOOR_DB, or of which scaling leaves a constant, as for
 * python -m sernet_jax.stream, whose --voice is the gate.
 */
#ifndef SERNET_GATE_H
#define SERNET_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "front_end.h"

/* @constants@ */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int32_t open;    /* 1 while there is a voice */
  int32_t quiet;   /* hops in a row that were quiet */
  int32_t heard;   /* hops so far */
  float noise_db;  /* of full scale */
} sernet_gate;

void sernet_gate_init(sernet_gate *state);

/* Returns 1 if the gate is open after this hop. */
int sernet_gate_push(sernet_gate *state, const int16_t hop[SERNET_HOP]);

/* Level of samples without their mean in dB of full scale; -HUGE_VALF if all
 * are alike. */
float sernet_level_db(const int16_t *samples, size_t count);

/* Whether a window of such a level is silence. Begin with -HUGE_VALF as the
 * loudest level so far, which this keeps. */
int sernet_silent(float level_db, float *loudest_db);

/* Whether samples are more than a constant once sernet_scaled has divided them
 * by their scale: what it leaves of an offset below a few clicks is none. */
int sernet_holds_sound(const int16_t *samples, size_t count, float scale);

#ifdef __cplusplus
}
#endif

#endif
