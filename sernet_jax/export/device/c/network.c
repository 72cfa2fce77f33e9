/* SPDX-License-Identifier: Apache-2.0
 *
 * The network, row by row; see network.h. */
#include "network.h"

#include <math.h>
#include <string.h>

/* A path reads the coefficients and computes in float32. */
typedef struct {
  int32_t outputs, tall, wide;
  const float *kernel; /* (outputs, tall, wide) */
  const float *bias;
} path;

/* A block reads a map of rows of (width, inputs) in 8 bits, as many as the state
 * says. Its output is averaged over windows of pool_tall rows and pool_wide
 * columns. */
typedef struct {
  int32_t width, inputs, outputs, tall, wide, pool_tall, pool_wide;
  int32_t ring;         /* rows of its input that are kept ... */
  int32_t offset;       /* ... from this byte of the maps on */
  const int8_t *kernel; /* (outputs, tall, wide, inputs) */
  const int32_t *bias;  /* in units of the sums */
  const float *scale;   /* of the sums, times 1 / the scale of the output */
} block;

/* @tables@ */

static int32_t at_most(int32_t a, int32_t b) { return a < b ? a : b; }

int32_t sernet_own_rows(size_t samples) {
  size_t rows = 1;
  if (!SERNET_OWN_ROWS) return SERNET_ROWS;
  if (samples > SERNET_FRAME) rows += (samples - SERNET_FRAME) / SERNET_HOP;
  return rows < SERNET_ROWS ? (int32_t)rows : SERNET_ROWS;
}

void sernet_network_init_rows(sernet_network *state, int32_t rows) {
  int32_t number, pool = SERNET_PATH_POOL_TALL;
  memset(state, 0, sizeof *state);
  state->heights[0] = SERNET_OWN_ROWS ? rows : SERNET_ROWS;
  for (number = 0; number < SERNET_BLOCKS; number++) {
    state->heights[number + 1] = (state->heights[number] + pool - 1) / pool;
    pool = blocks[number].pool_tall;
  }
}

void sernet_network_init(sernet_network *state) {
  sernet_network_init_rows(state, SERNET_ROWS);
}

/* 8 bits of a mean that is at least 0. */
static uint8_t rounded(float x) {
  return x >= 255.0f ? 255 : (uint8_t)(x + 0.5f);
}

/* Whether the next output row of a layer can be computed: all rows that its
 * windows see are read, or lie below the map. */
static int ready(int32_t read, int32_t made, int32_t height, int32_t tall,
                 int32_t pool) {
  int32_t last = at_most((made + 1) * pool, height) - 1 + tall / 2;
  return made * pool < height && at_most(last, height - 1) < read;
}

/* ReLU of a path's output at a row and a column. */
static float path_cell(const sernet_network *state, const path *own, int32_t y,
                       int32_t x, int32_t output) {
  const float *kernel = own->kernel + output * own->tall * own->wide;
  float sum = own->bias[output];
  int32_t i, j;
  for (i = 0; i < own->tall; i++) {
    int32_t row = y + i - own->tall / 2;
    const float *features;
    if (row < 0 || row >= state->heights[0]) continue; /* zeros around it */
    features = state->features +
               row % SERNET_FEATURE_ROWS * SERNET_COEFFICIENTS;
    for (j = 0; j < own->wide; j++) {
      int32_t column = x + j - own->wide / 2;
      if (column >= 0 && column < SERNET_COEFFICIENTS)
        sum += features[column] * kernel[i * own->wide + j];
    }
  }
  return sum > 0.0f ? sum : 0.0f;
}

/* One row of the maps of all paths, side by side, into the first block. */
static void paths_row(sernet_network *state) {
  const block *next = blocks;
  int32_t made = state->made[0]++, p, x, y, column, output;
  uint8_t *target = state->maps + next->offset +
                    state->rows[1] % next->ring * next->width * next->inputs;
  for (column = 0; column < next->width; column++) {
    int32_t top = made * SERNET_PATH_POOL_TALL;
    int32_t bottom = at_most(top + SERNET_PATH_POOL_TALL, state->heights[0]);
    int32_t left = column * SERNET_PATH_POOL_WIDE;
    int32_t right = at_most(left + SERNET_PATH_POOL_WIDE, SERNET_COEFFICIENTS);
    float factor =
        SERNET_PATHS_FACTOR / (float)((bottom - top) * (right - left));
    for (p = 0; p < SERNET_PATHS; p++) {
      for (output = 0; output < paths[p].outputs; output++) {
        float sum = 0.0f;
        for (y = top; y < bottom; y++)
          for (x = left; x < right; x++)
            sum += path_cell(state, paths + p, y, x, output);
        *target++ = rounded(sum * factor);
      }
    }
  }
  state->rows[1]++;
}

/* ReLU of the sum of one output of a block at a row and a column. */
static int32_t block_cell(const sernet_network *state, int32_t number,
                          int32_t y, int32_t x, int32_t output) {
  const block *own = blocks + number;
  const int8_t *kernel =
      own->kernel + output * own->tall * own->wide * own->inputs;
  int32_t sum = own->bias[output], i, k;
  /* Columns of the kernel that lie inside of the map, all channels of them. */
  int32_t first = x < own->wide / 2 ? own->wide / 2 - x : 0;
  int32_t last = at_most(own->wide, own->width - x + own->wide / 2);
  int32_t count = (last - first) * own->inputs;
  for (i = 0; i < own->tall; i++) {
    int32_t row = y + i - own->tall / 2;
    const uint8_t *map;
    const int8_t *weights;
    if (row < 0 || row >= state->heights[number + 1]) continue; /* zeros */
    map = state->maps + own->offset +
          (row % own->ring * own->width + x + first - own->wide / 2) *
              own->inputs;
    weights = kernel + (i * own->wide + first) * own->inputs;
    for (k = 0; k < count; k++) sum += weights[k] * map[k];
  }
  return sum > 0 ? sum : 0;
}

/* One more cell of the last map into the means: of all cells, and with
 * statistics the squares around them by Welford's sums. */
static void pool_cell(sernet_network *state, int32_t output, float value) {
  float off = value - state->means[output];
  state->means[output] += off / (float)state->cells;
#if SERNET_STATISTICS
  state->squares[output] += off * (value - state->means[output]);
#endif
}

/* One row of a block's output, pooled, into the next block or the means. */
static void block_row(sernet_network *state, int32_t number) {
  const block *own = blocks + number;
  int last = number + 1 == SERNET_BLOCKS;
  int32_t top = state->made[number + 1]++ * own->pool_tall;
  int32_t bottom = at_most(top + own->pool_tall, state->heights[number + 1]);
  int32_t columns = (own->width + own->pool_wide - 1) / own->pool_wide;
  int32_t column, output, y, x;
  for (column = 0; column < columns; column++) {
    int32_t left = column * own->pool_wide;
    int32_t right = at_most(left + own->pool_wide, own->width);
    float cells = (float)((bottom - top) * (right - left));
    state->cells += last;
    for (output = 0; output < own->outputs; output++) {
      int64_t sum = 0;
      for (y = top; y < bottom; y++)
        for (x = left; x < right; x++)
          sum += block_cell(state, number, y, x, output);
      if (last) {
        pool_cell(state, output, (float)sum * own->scale[output]);
      } else {
        const block *next = own + 1;
        int32_t row = state->rows[number + 2] % next->ring;
        state->maps[next->offset +
                    (row * next->width + column) * next->inputs + output] =
            rounded((float)sum * own->scale[output] / cells);
      }
    }
  }
  if (!last) state->rows[number + 2]++;
}

static void finish(const sernet_network *state, float *probabilities) {
  float greatest, total = 0.0f;
  int32_t i, k;
  for (k = 0; k < SERNET_CLASSES; k++) {
    const float *kernel = head_kernel + k * SERNET_LAST * (1 + SERNET_STATISTICS);
    probabilities[k] = head_bias[k];
    for (i = 0; i < SERNET_LAST; i++)
      probabilities[k] += state->means[i] * kernel[i];
#if SERNET_STATISTICS
    for (i = 0; i < SERNET_LAST; i++)
      probabilities[k] +=
          sqrtf(state->squares[i] / (float)state->cells +
                SERNET_LEAST_VARIANCE) * kernel[SERNET_LAST + i];
#endif
  }
  greatest = probabilities[0];
  for (k = 1; k < SERNET_CLASSES; k++)
    if (probabilities[k] > greatest) greatest = probabilities[k];
  for (k = 0; k < SERNET_CLASSES; k++)
    total += probabilities[k] = expf(probabilities[k] - greatest);
  for (k = 0; k < SERNET_CLASSES; k++) probabilities[k] /= total;
}

/* Computes one row of the last layer that can; returns 0 if none can. */
static int advance(sernet_network *state) {
  int32_t number = SERNET_BLOCKS;
  while (number-- > 0) {
    const block *own = blocks + number;
    if (ready(state->rows[number + 1], state->made[number + 1],
              state->heights[number + 1], own->tall, own->pool_tall)) {
      block_row(state, number);
      return 1;
    }
  }
  if (!ready(state->rows[0], state->made[0], state->heights[0],
             SERNET_PATHS_TALL, SERNET_PATH_POOL_TALL))
    return 0;
  paths_row(state);
  return 1;
}

int sernet_network_push(sernet_network *state,
                        const float row[SERNET_COEFFICIENTS],
                        float probabilities[SERNET_CLASSES]) {
  if (state->heights[0] == 0) sernet_network_init(state);
  if (state->rows[0] == state->heights[0]) return 0; /* init begins anew */
  memcpy(state->features +
             state->rows[0] % SERNET_FEATURE_ROWS * SERNET_COEFFICIENTS,
         row, SERNET_COEFFICIENTS * sizeof *row);
  state->rows[0]++;
  /* The last layers first, so that no ring holds more than its windows need. */
  while (advance(state)) {
  }
  if (state->rows[0] < state->heights[0]) return 0;
  finish(state, probabilities);
  return 1;
}
