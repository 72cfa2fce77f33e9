/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells voice from silence and steady noise: energy with hysteresis.
 *
 * The gate opens when a hop is SERNET_GATE_OPEN_DB above the noise and louder
 * than SERNET_GATE_LEAST_DB, and closes when SERNET_GATE_HANG hops in a row are
 * less than SERNET_GATE_CLOSE_DB above it. The noise follows the quietest hops
 * at once and rises slowly. Other sounds than voices open it too.
 */
#ifndef SERNET_GATE_H
#define SERNET_GATE_H

#include <stdint.h>

#include "front_end.h"

#ifndef SERNET_GATE_OPEN_DB
#define SERNET_GATE_OPEN_DB 12.0f
#endif
#ifndef SERNET_GATE_CLOSE_DB
#define SERNET_GATE_CLOSE_DB 6.0f
#endif
#ifndef SERNET_GATE_LEAST_DB /* of full scale */
#define SERNET_GATE_LEAST_DB -60.0f
#endif
#ifndef SERNET_GATE_RISE_DB /* of the noise, in a second */
#define SERNET_GATE_RISE_DB 3.0f
#endif
#ifndef SERNET_GATE_HANG /* hops: 0.3 s */
#define SERNET_GATE_HANG (3 * SERNET_RATE_HZ / (10 * SERNET_HOP))
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

#endif
