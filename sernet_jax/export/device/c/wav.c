/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the header of WAV files; see wav.h. */
#include "wav.h"

#include <string.h>

#include "front_end.h"

static unsigned long little(const unsigned char *bytes, int count) {
  unsigned long value = 0;
  while (count-- > 0) value = value << 8 | bytes[count];
  return value;
}

const char *sernet_wav_open(FILE *file, unsigned long *samples) {
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

int sernet_wav_next(FILE *file, int16_t *sample) {
  int low = getc(file), high = getc(file), value;
  if (high == EOF) return 0;
  value = high << 8 | low;
  *sample = (int16_t)(value < 32768 ? value : value - 65536);
  return 1;
}
