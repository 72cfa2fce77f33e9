/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints the emotion in recordings, WAV files of 16 bits and one channel.
 *
 *   app [--fixed] [--gate] [--probabilities] recording.wav ...
 *
 * Of a longer recording the middle is judged, a shorter one gets silence on
 * both sides. --fixed takes the integer front end; --gate says "no voice"
 * where the gate is open for less than 0.3 s. Exits with 2 if a recording
 * cannot be used.
 */
#include <stdio.h>
#include <string.h>

#include "front_end.h"
#include "gate.h"
#include "network.h"

static int16_t segment[SERNET_SAMPLES];
static sernet_front_end front_end;
static sernet_fixed fixed;
static sernet_gate gate;
static sernet_network network;

static unsigned long little(const unsigned char *bytes, int count) {
  unsigned long value = 0;
  while (count-- > 0) value = value << 8 | bytes[count];
  return value;
}

/* Reads the format and goes to the samples; NULL, or what is wrong. */
static const char *open_sound(FILE *file, unsigned long *samples) {
  unsigned char head[40];
  unsigned long size, rest;
  int known = 0;
  if (fread(head, 1, 12, file) != 12 || memcmp(head, "RIFF", 4) != 0 ||
      memcmp(head + 8, "WAVE", 4) != 0)
    return "is not a WAV file; convert it to WAV, 16 bits, one channel";
  for (;;) {
    if (fread(head, 1, 8, file) != 8)
      return "is cut short: it has no samples; copy it again";
    size = little(head + 4, 4);
    if (memcmp(head, "data", 4) == 0) {
      if (!known) return "has no format before its samples; convert it again";
      if (size == 0 || size >= 0xfffffffeUL)
        return "does not say how long it is or is empty; convert it again";
      *samples = size / 2;
      return NULL;
    }
    rest = size + (size & 1); /* chunks begin at even bytes */
    if (memcmp(head, "fmt ", 4) == 0) {
      unsigned long count = size < sizeof head ? size : sizeof head;
      unsigned long tag;
      if (size < 16 || fread(head, 1, count, file) != count)
        return "is cut short in its header; copy it again";
      rest -= count;
      tag = little(head, 2);
      if (tag == 0xfffe && count >= 26) tag = little(head + 24, 2);
      if (tag != 1 || little(head + 14, 2) != 16)
        return "does not have samples of 16 bits; convert it to 16 bits (PCM)";
      if (little(head + 2, 2) != 1)
        return "has several channels; convert it to one channel";
      if (little(head + 4, 4) != SERNET_RATE_HZ)
        return "has another rate than " SERNET_RATE_TEXT
               " Hz; resample it to that";
      known = 1;
    }
    for (; rest > 0; rest--)
      if (getc(file) == EOF)
        return "is cut short in its header; copy it again";
  }
}

/* Reads the middle of a recording into the segment; NULL, or what is wrong. */
static const char *read_middle(FILE *file, size_t *count) {
  unsigned long samples, left, i;
  const char *fault = open_sound(file, &samples);
  if (fault) return fault;
  left = samples > SERNET_SAMPLES ? (samples - SERNET_SAMPLES) / 2 : 0;
  *count = 0;
  for (i = 0; i < samples; i++) {
    int low = getc(file), high = getc(file);
    if (high == EOF) return "is cut short; copy it again";
    if (i >= left && *count < SERNET_SAMPLES) {
      int32_t value = high << 8 | low;
      segment[(*count)++] = (int16_t)(value < 32768 ? value : value - 65536);
    }
  }
  /* A constant holds no sound; of one sample nobody can say. */
  for (i = 1; i < *count; i++)
    if (segment[i] != segment[0]) return NULL;
  if (*count == 1 && segment[0] != 0) return NULL;
  return "is silent; give another recording";
}

/* The emotion of the first `count` samples of the segment; whether the gate
 * was open long enough. */
static int recognize(size_t count, int integers, float *probabilities) {
  float scale = sernet_scale(segment, count);
  size_t left = (SERNET_SAMPLES - count) / 2, start, i;
  int32_t open = 0;
  memmove(segment + left, segment, count * sizeof *segment);
  memset(segment, 0, left * sizeof *segment);
  memset(segment + left + count, 0,
         (SERNET_SAMPLES - left - count) * sizeof *segment);
  sernet_front_end_init(&front_end);
  sernet_fixed_init(&fixed, scale);
  sernet_gate_init(&gate);
  sernet_network_init(&network);
  for (start = 0; start < SERNET_SAMPLES; start += SERNET_HOP) {
    int16_t hop[SERNET_HOP], whole[SERNET_COEFFICIENTS];
    float scaled[SERNET_HOP], row[SERNET_COEFFICIENTS];
    int full;
    for (i = 0; i < SERNET_HOP; i++) {
      hop[i] = start + i < SERNET_SAMPLES ? segment[start + i] : 0;
      scaled[i] = sernet_scaled(hop[i], scale);
    }
    if (integers) {
      full = sernet_fixed_push(&fixed, hop, whole);
      for (i = 0; full && i < SERNET_COEFFICIENTS; i++)
        row[i] = (float)whole[i] / (float)(1 << SERNET_COEFFICIENT_BITS);
    } else {
      full = sernet_front_end_push(&front_end, scaled, row);
    }
    /* Silence that was put around a short recording is not noise. */
    if (start >= left && start + SERNET_HOP <= left + count)
      open += sernet_gate_push(&gate, hop);
    if (full) sernet_network_push(&network, row, probabilities);
  }
  return open * 10 * SERNET_HOP >= 3 * SERNET_RATE_HZ;
}

int main(int argc, char **argv) {
  int integers = 0, gated = 0, all = 0, code = 0, files = 0, i, k;
  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--fixed") == 0)
      integers = 1;
    else if (strcmp(argv[i], "--gate") == 0)
      gated = 1;
    else if (strcmp(argv[i], "--probabilities") == 0)
      all = 1;
    else if (strncmp(argv[i], "--", 2) == 0)
      return fprintf(stderr, "error: %s is not known; give --fixed, --gate, "
                             "--probabilities or recordings\n", argv[i]), 2;
    else
      argv[1 + files++] = argv[i];
  }
  if (files == 0)
    return fprintf(stderr, "error: there is no recording; give one or more: "
                           "app recording.wav\n"), 2;
  for (i = 1; i <= files; i++) {
    float probabilities[SERNET_CLASSES];
    size_t count = 0;
    int best = 0, voice;
    FILE *file = fopen(argv[i], "rb");
    const char *fault =
        file ? read_middle(file, &count) : "cannot be opened; check its name";
    if (file) fclose(file);
    if (fault) {
      fprintf(stderr, "error: %s %s\n", argv[i], fault);
      code = 2;
      continue;
    }
    voice = recognize(count, integers, probabilities);
    for (k = 1; k < SERNET_CLASSES; k++)
      if (probabilities[k] > probabilities[best]) best = k;
    if (files > 1) printf("%s\t", argv[i]);
    printf("%s", gated && !voice ? "no voice" : sernet_classes[best]);
    for (k = 0; all && k < SERNET_CLASSES; k++)
      printf("\t%.6f", probabilities[k]);
    printf("\n");
  }
  return code;
}
