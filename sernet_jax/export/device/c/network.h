/* SPDX-License-Identifier: Apache-2.0
 *
 * The network, row by row: coefficients in, probabilities out.
 *
 * A layer keeps only the rows that its next output needs, so a state is a
 * small part of the maps. Kernels have 8 bits, a scale for each output; maps
 * between blocks have 8 bits, from 0 up; sums have 32. The parallel paths and
 * the dense layer are float32.
 *
 * Written by sernet_jax; the numbers are those of one model.
 */
#ifndef SERNET_NETWORK_H
#define SERNET_NETWORK_H

#include <stdint.h>

#include "front_end.h"

/* @constants@ */

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the classes, in the order of the probabilities. */
extern const char *const sernet_classes[SERNET_CLASSES];

/* Where the numbers come from, what they expect and their license, as JSON. */
extern const char sernet_metadata[];

typedef struct {
  int32_t heights[SERNET_LAYERS]; /* rows of the map that each layer reads */
  int32_t rows[SERNET_LAYERS];    /* that it has read */
  int32_t made[SERNET_LAYERS];    /* that it has written */
  int32_t cells;                  /* of the last map */
  float features[SERNET_FEATURE_ROWS * SERNET_COEFFICIENTS];
  uint8_t maps[SERNET_MAP_BYTES];
  float means[SERNET_LAST];
#if SERNET_STATISTICS
  float squares[SERNET_LAST];     /* of the distances to the means, added up */
#endif
} sernet_network;

/* Begins a segment of SERNET_ROWS rows; a state of zeros has begun one. */
void sernet_network_init(sernet_network *state);

/* Begins a segment of which the recording fills the first `rows` alone. Where
 * SERNET_OWN_ROWS is 1 the network looks at those alone and is done after them;
 * where it is 0 it was trained with zeros on both sides of a short recording and
 * always takes SERNET_ROWS. */
void sernet_network_init_rows(sernet_network *state, int32_t rows);

/* Rows that a recording of so many samples fills; SERNET_ROWS where zeros are
 * put on both sides. */
int32_t sernet_own_rows(size_t samples);

/* Takes the next row of a segment. Returns 1 if it was the last one and the
 * probabilities are written, else 0. */
int sernet_network_push(sernet_network *state,
                        const float row[SERNET_COEFFICIENTS],
                        float probabilities[SERNET_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
