/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound to mel-frequency cepstral coefficients; see front_end.h. */
#include "front_end.h"

#include <math.h>
#include <string.h>

/* @tables@ */

/* The real transform of N samples is a complex one of N / 2. */
#define HALF (SERNET_FFT_SIZE / 2)
/* In the table of sines the cosine lies a quarter of a turn ahead. */
#define QUARTER (SERNET_FFT_SIZE / 4)

float sernet_scale(const int16_t *samples, size_t count) {
  int32_t top[SERNET_TOP_RANKS] = {0}; /* greatest values, falling */
  size_t i;
  double rank, part;
  int at;
  if (count == 0) return 0.0f;
  for (i = 0; i < count; i++) {
    int32_t value = samples[i] < 0 ? -(int32_t)samples[i] : samples[i];
    if (value <= top[SERNET_TOP_RANKS - 1]) continue;
    at = SERNET_TOP_RANKS - 1;
    for (; at > 0 && top[at - 1] < value; at--) top[at] = top[at - 1];
    top[at] = value;
  }
  /* Linear between the two ranks around the percentile. */
  rank = SERNET_TAIL * (double)(count - 1);
  at = (int)rank;
  if (at > SERNET_TOP_RANKS - 2) at = SERNET_TOP_RANKS - 2;
  part = rank - at;
  return (float)((1.0 - part) * top[at] + part * top[at + 1]);
}

float sernet_scaled(int16_t sample, float scale) {
  float x = (float)sample;
  if (x >= scale) return x > 0.0f ? 1.0f : 0.0f;
  if (x <= -scale) return x < 0.0f ? -1.0f : 0.0f;
  return x / scale;
}

/* ------------------------------------------------------------- float32 */

void sernet_front_end_init(sernet_front_end *state) {
  memset(state, 0, sizeof *state);
}

/* Complex FFT of HALF points in place, real and imaginary parts in turn. */
static void transform(float *z) {
  int i, j = 0, bit, size, start, k;
  for (i = 1; i < HALF; i++) { /* the order of reversed bits */
    for (bit = HALF >> 1; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      float real = z[2 * i], imaginary = z[2 * i + 1];
      z[2 * i] = z[2 * j], z[2 * i + 1] = z[2 * j + 1];
      z[2 * j] = real, z[2 * j + 1] = imaginary;
    }
  }
  for (size = 2; size <= HALF; size *= 2) {
    int step = SERNET_FFT_SIZE / size;
    for (k = 0; k < size / 2; k++) {
      float c = sine[k * step + QUARTER], s = sine[k * step];
      for (start = k; start < HALF; start += size) {
        float *a = z + 2 * start, *b = a + size;
        float real = b[0] * c + b[1] * s, imaginary = b[1] * c - b[0] * s;
        b[0] = a[0] - real, b[1] = a[1] - imaginary;
        a[0] += real, a[1] += imaginary;
      }
    }
  }
}

/* Magnitude of bin k of the real transform, from the complex one. */
static float magnitude(const float *z, int k) {
  const float *a = z + 2 * (k % HALF), *b = z + 2 * ((HALF - k) % HALF);
  float c = sine[k + QUARTER], s = sine[k];
  /* The transforms of the even and of the odd samples, times 2. */
  float even_real = a[0] + b[0], even_imaginary = a[1] - b[1];
  float odd_real = a[1] + b[1], odd_imaginary = b[0] - a[0];
  float real = even_real + c * odd_real + s * odd_imaginary;
  float imaginary = even_imaginary + c * odd_imaginary - s * odd_real;
  return 0.5f * sqrtf(real * real + imaginary * imaginary);
}

int sernet_front_end_push(sernet_front_end *state,
                          const float hop[SERNET_HOP],
                          float row[SERNET_COEFFICIENTS]) {
  int i, k;
  memmove(state->held, state->held + SERNET_HOP,
          (SERNET_HELD - SERNET_HOP) * sizeof *state->held);
  memcpy(state->held + SERNET_HELD - SERNET_HOP, hop,
         SERNET_HOP * sizeof *hop);
  if (state->hops < SERNET_HOPS) state->hops++;
  if (state->hops < SERNET_HOPS) return 0;
  for (i = 0; i < SERNET_FRAME; i++)
    state->work[i] = state->held[i] * window[i];
  for (; i < SERNET_FFT_SIZE; i++) state->work[i] = 0.0f;
  transform(state->work);
  for (i = 0; i < SERNET_BANDS; i++) state->bands[i] = 0.0f;
  for (k = 0; k <= HALF; k++) { /* a bin is in few bands, side by side */
    int first = mel_first[k], count = mel_start[k + 1] - mel_start[k];
    const float *weight = mel + mel_start[k];
    float size = count ? magnitude(state->work, k) : 0.0f;
    for (i = 0; i < count; i++) state->bands[first + i] += size * weight[i];
  }
  for (i = 0; i < SERNET_COEFFICIENTS; i++) row[i] = 0.0f;
  for (k = 0; k < SERNET_BANDS; k++) {
    float band = logf(state->bands[k] + SERNET_LOG_OFFSET);
    const float *cosines = dct + k * SERNET_COEFFICIENTS;
    for (i = 0; i < SERNET_COEFFICIENTS; i++) row[i] += band * cosines[i];
  }
  for (i = 0; i < SERNET_COEFFICIENTS; i++) {
    if (row[i] > SERNET_CLIP) row[i] = SERNET_CLIP;
    if (row[i] < -SERNET_CLIP) row[i] = -SERNET_CLIP;
  }
  return 1;
}

/* --------------------------------------------------------- fixed point */

/* x / 2^bits, rounded. */
static int64_t shifted(int64_t x, int bits) {
  int64_t half = (int64_t)1 << (bits - 1);
  return x >= 0 ? (x + half) >> bits : -((half - x) >> bits);
}

/* ln x times 2^16, for x of at least 1; the table has log2 in 2^-15. */
static int32_t logarithm(uint64_t x) {
  int whole = 0, index;
  uint32_t rest, fraction;
  int64_t log2_15;
  while (whole < 63 && x >> (whole + 1)) whole++;
  /* 8 bits behind the leading one choose an entry, 16 more lie between. */
  rest = (uint32_t)(whole >= 24 ? x >> (whole - 24) : x << (24 - whole));
  index = (int)((rest >> 16) & 255);
  fraction = rest & 65535;
  log2_15 = ((int64_t)whole << 15) + log2_table[index] +
            (((int64_t)(log2_table[index + 1] - log2_table[index]) * fraction +
              32768) >> 16);
  return (int32_t)shifted(log2_15 * 45426, 15); /* ln 2 times 2^16 */
}

/* The root of x, rounded down. */
static uint32_t root(uint64_t x) {
  uint64_t result = 0, bit = (uint64_t)1 << 62;
  while (bit > x) bit >>= 2;
  for (; bit; bit >>= 2) {
    if (x >= result + bit) {
      x -= result + bit;
      result = (result >> 1) + bit;
    } else {
      result >>= 1;
    }
  }
  return (uint32_t)result;
}

void sernet_fixed_init(sernet_fixed *state, float scale) {
  int64_t full;
  memset(state, 0, sizeof *state);
  state->limit = (int32_t)(scale * 256.0f + 0.5f);
  if (state->limit < 1) state->limit = 256; /* any sample but 0 becomes 1 */
  /* Quiet sound is made louder by a power of two, which rounds nothing. */
  state->gain = 1;
  while (state->limit * state->gain <= 1 << 22) state->gain *= 2;
  full = (int64_t)state->limit * state->gain;
  /* The logarithm of a band of 1 in the scaled sound, and the offset. */
  state->offset = shifted(full * SERNET_FIXED_OFFSET, 16);
  state->unit_log = logarithm((uint64_t)full) + SERNET_UNIT_LOG;
}

static void fixed_transform(int32_t *z) {
  int i, j = 0, bit, size, start, k;
  for (i = 1; i < HALF; i++) {
    for (bit = HALF >> 1; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      int32_t real = z[2 * i], imaginary = z[2 * i + 1];
      z[2 * i] = z[2 * j], z[2 * i + 1] = z[2 * j + 1];
      z[2 * j] = real, z[2 * j + 1] = imaginary;
    }
  }
  for (size = 2; size <= HALF; size *= 2) {
    int step = SERNET_FFT_SIZE / size;
    for (k = 0; k < size / 2; k++) {
      int64_t c = fixed_sine[k * step + QUARTER], s = fixed_sine[k * step];
      for (start = k; start < HALF; start += size) {
        int32_t *a = z + 2 * start, *b = a + size;
        int32_t real = (int32_t)shifted(b[0] * c + b[1] * s, 15);
        int32_t imaginary = (int32_t)shifted(b[1] * c - b[0] * s, 15);
        b[0] = a[0] - real, b[1] = a[1] - imaginary;
        a[0] += real, a[1] += imaginary;
      }
    }
  }
}

/* Magnitude of bin k, times 2. */
static uint32_t fixed_magnitude(const int32_t *z, int k) {
  const int32_t *a = z + 2 * (k % HALF), *b = z + 2 * ((HALF - k) % HALF);
  int64_t c = fixed_sine[k + QUARTER], s = fixed_sine[k];
  int64_t even_real = (int64_t)a[0] + b[0], even_imaginary = (int64_t)a[1] - b[1];
  int64_t odd_real = (int64_t)a[1] + b[1], odd_imaginary = (int64_t)b[0] - a[0];
  int64_t real = even_real + shifted(c * odd_real + s * odd_imaginary, 15);
  int64_t imaginary =
      even_imaginary + shifted(c * odd_imaginary - s * odd_real, 15);
  return root((uint64_t)(real * real) + (uint64_t)(imaginary * imaginary));
}

int sernet_fixed_push(sernet_fixed *state, const int16_t hop[SERNET_HOP],
                      int16_t row[SERNET_COEFFICIENTS]) {
  int64_t sums[SERNET_COEFFICIENTS] = {0};
  int i, k;
  memmove(state->held, state->held + SERNET_HOP,
          (SERNET_HELD - SERNET_HOP) * sizeof *state->held);
  memcpy(state->held + SERNET_HELD - SERNET_HOP, hop,
         SERNET_HOP * sizeof *hop);
  if (state->hops < SERNET_HOPS) state->hops++;
  if (state->hops < SERNET_HOPS) return 0;
  for (i = 0; i < SERNET_FRAME; i++) {
    int32_t x = (int32_t)state->held[i] * 256;
    if (x > state->limit) x = state->limit;
    if (x < -state->limit) x = -state->limit;
    state->work[i] = (int32_t)shifted(
        (int64_t)x * state->gain * fixed_window[i], SERNET_WINDOW_SHIFT);
  }
  for (; i < SERNET_FFT_SIZE; i++) state->work[i] = 0;
  fixed_transform(state->work);
  for (i = 0; i < SERNET_BANDS; i++) state->bands[i] = state->offset;
  for (k = 0; k <= HALF; k++) {
    int first = mel_first[k], count = mel_start[k + 1] - mel_start[k];
    const int16_t *weight = fixed_mel + mel_start[k];
    int64_t size = count ? fixed_magnitude(state->work, k) : 0;
    for (i = 0; i < count; i++) state->bands[first + i] += size * weight[i];
  }
  for (k = 0; k < SERNET_BANDS; k++) {
    uint64_t x = state->bands[k] > 0 ? (uint64_t)state->bands[k] : 1;
    /* 16 bits, SERNET_BAND_BITS of them behind the point */
    int64_t band =
        shifted(logarithm(x) - state->unit_log, 16 - SERNET_BAND_BITS);
    const int16_t *cosines = fixed_dct + k * SERNET_COEFFICIENTS;
    for (i = 0; i < SERNET_COEFFICIENTS; i++) sums[i] += band * cosines[i];
  }
  for (i = 0; i < SERNET_COEFFICIENTS; i++) {
    int64_t x = shifted(sums[i], SERNET_SUM_SHIFT);
    if (x > SERNET_FIXED_CLIP) x = SERNET_FIXED_CLIP;
    if (x < -SERNET_FIXED_CLIP) x = -SERNET_FIXED_CLIP;
    row[i] = (int16_t)x;
  }
  return 1;
}
