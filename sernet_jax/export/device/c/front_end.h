/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound to mel-frequency cepstral coefficients, hop by hop.
 *
 * A state holds the last frame and all memory that is needed; nothing is
 * allocated. Push SERNET_HOP samples at a time: as soon as a frame is full,
 * each push gives a row of SERNET_COEFFICIENTS. There are two variants:
 *
 *   sernet_front_end  float32, samples scaled to [-1, 1]
 *   sernet_fixed      16-bit samples as recorded, 16-bit tables and
 *                     coefficients, integers throughout
 *
 * Written by sernet_jax; the tables are those of one model.
 */
#ifndef SERNET_FRONT_END_H
#define SERNET_FRONT_END_H

#include <stddef.h>
#include <stdint.h>

/* @constants@ */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int32_t hops;                  /* pushed so far, up to a full frame */
  float held[SERNET_HELD];       /* the last samples, oldest first */
  float work[SERNET_FFT_SIZE];   /* a frame, then its transform */
  float bands[SERNET_BANDS];
} sernet_front_end;

typedef struct {
  int32_t hops;
  int32_t limit;                 /* the scale, in 1/256 of a sample's step */
  int32_t gain;                  /* factor of a sample, a power of two */
  int64_t offset;                /* added to a band before its logarithm */
  int32_t unit_log;              /* logarithm of the unit of a band */
  int16_t held[SERNET_HELD];
  int32_t work[SERNET_FFT_SIZE];
  int64_t bands[SERNET_BANDS];
} sernet_fixed;

/* What becomes 1: the 99.9th percentile of the absolute values of a recording,
 * in steps of its 16 bits; of at most SERNET_SAMPLES. */
float sernet_scale(const int16_t *samples, size_t count);

/* A 16-bit sample, scaled and clipped to [-1, 1]. */
float sernet_scaled(int16_t sample, float scale);

/* Returns 1 if a push has written a row, 0 while the first frame fills. */
void sernet_front_end_init(sernet_front_end *state);
int sernet_front_end_push(sernet_front_end *state,
                          const float hop[SERNET_HOP],
                          float row[SERNET_COEFFICIENTS]);

/* The coefficients are times 2 to the power SERNET_COEFFICIENT_BITS. */
void sernet_fixed_init(sernet_fixed *state, float scale);
int sernet_fixed_push(sernet_fixed *state, const int16_t hop[SERNET_HOP],
                      int16_t row[SERNET_COEFFICIENTS]);

#ifdef __cplusplus
}
#endif

#endif
