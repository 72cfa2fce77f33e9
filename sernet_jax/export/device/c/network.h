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

/* Names of the classes, in the order of the probabilities. */
extern const char *const sernet_classes[SERNET_CLASSES];

/* Where the numbers come from, what they expect and their license, as JSON. */
extern const char sernet_metadata[];

typedef struct {
  int32_t rows[SERNET_LAYERS];   /* that each layer has read */
  int32_t made[SERNET_LAYERS];   /* that it has written */
  float features[SERNET_FEATURE_ROWS * SERNET_COEFFICIENTS];
  uint8_t maps[SERNET_MAP_BYTES];
  float means[SERNET_LAST];
} sernet_network;

void sernet_network_init(sernet_network *state);

/* Takes the next row of a segment, which has SERNET_ROWS. Returns 1 if it was
 * the last one and the probabilities are written, else 0. */
int sernet_network_push(sernet_network *state,
                        const float row[SERNET_COEFFICIENTS],
                        float probabilities[SERNET_CLASSES]);

#endif
