/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints the emotion in recordings, WAV files of 16 bits and one channel.
 *
 *   app [--fixed] [--gate] [--abstain[=P]] [--probabilities] recording.wav ...
 *   app --stream [...]   raw sound of 16 bits from stdin, a line each second
 *
 * Of a longer recording the middle is judged, or its loudest part where that is
 * silent; a shorter one gets silence around it. --fixed takes the integer front
 * end; --gate says "(no voice)" where the gate is open for less than 0.3 s;
 * --abstain says "(unsure)" below the probability P, or below what the weights
 * keep; --probabilities adds NAME=P of every class. Exits with 2 if a recording cannot be used.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "front_end.h"
#include "gate.h"
#include "network.h"
#include "wav.h"

#define STEP (SERNET_RATE_HZ < 10 ? 1 : (SERNET_RATE_HZ + 4) / 10)
/* Seconds between the estimates of a stream, in samples. */
#define STREAM_HOP \
  (SERNET_RATE_HZ < SERNET_SAMPLES ? SERNET_RATE_HZ : SERNET_SAMPLES)
#define GATE_HOPS (SERNET_SAMPLES / SERNET_HOP + 2)

typedef struct {
  int integers, gated, all;
  float abstain; /* least probability of a label */
} options;

static int16_t segment[SERNET_SAMPLES];
static int16_t ring[SERNET_SAMPLES];
static sernet_front_end front_end;
static sernet_fixed fixed;
static sernet_network network;

/* Probabilities of the first `count` samples of the segment, with their scale.
 */
static void recognize(size_t count, float scale, const options *own,
                      float *probabilities) {
  size_t left = SERNET_OWN_ROWS ? 0 : (SERNET_SAMPLES - count) / 2, start, i;
  int done = 0;
  memmove(segment + left, segment, count * sizeof *segment);
  memset(segment, 0, left * sizeof *segment);
  memset(segment + left + count, 0,
         (SERNET_SAMPLES - left - count) * sizeof *segment);
  sernet_front_end_init(&front_end);
  sernet_fixed_init(&fixed, scale);
  sernet_network_init_rows(&network, sernet_own_rows(count));
  for (start = 0; start < SERNET_SAMPLES && !done; start += SERNET_HOP) {
    int16_t hop[SERNET_HOP], whole[SERNET_COEFFICIENTS];
    float scaled[SERNET_HOP], row[SERNET_COEFFICIENTS];
    int full;
    for (i = 0; i < SERNET_HOP; i++) {
      hop[i] = start + i < SERNET_SAMPLES ? segment[start + i] : 0;
      scaled[i] = sernet_scaled(hop[i], scale);
    }
    if (own->integers) {
      full = sernet_fixed_push(&fixed, hop, whole);
      for (i = 0; full && i < SERNET_COEFFICIENTS; i++)
        row[i] = (float)whole[i] / (float)(1 << SERNET_COEFFICIENT_BITS);
    } else {
      full = sernet_front_end_push(&front_end, scaled, row);
    }
    if (full) done = sernet_network_push(&network, row, probabilities);
  }
}

/* Prints what is said of the first `count` samples of the segment. */
static void say(size_t count, float scale, int silent, int voice,
                const options *own) {
  float probabilities[SERNET_CLASSES];
  int best = 0, k;
  if (silent || !voice) {
    printf(silent ? "(silence)\n" : "(no voice)\n");
    return;
  }
  recognize(count, scale, own, probabilities);
  for (k = 1; k < SERNET_CLASSES; k++)
    if (probabilities[k] > probabilities[best]) best = k;
  if (probabilities[best] < own->abstain)
    printf("(unsure)");
  else
    printf("%s", sernet_classes[best]);
  for (k = 0; own->all && k < SERNET_CLASSES; k++)
    printf("\t%s=%.6f", sernet_classes[k], probabilities[k]);
  printf("\n");
}

/* Whether the gate is open long enough in samples that it hears first. */
static int has_voice(const int16_t *samples, size_t count) {
  sernet_gate gate;
  int32_t open = 0;
  size_t start;
  sernet_gate_init(&gate);
  for (start = 0; start + SERNET_HOP <= count; start += SERNET_HOP)
    open += sernet_gate_push(&gate, samples + start);
  return open >= SERNET_GATE_VOICE;
}

/* Finds the part to judge: the middle, or the loudest in steps of 0.1 s where
 * the middle is silent beside that; and the loudest. NULL, or what is wrong. */
static const char *find_part(FILE *file, unsigned long samples,
                             unsigned long *start, unsigned long *loudest) {
  unsigned long length = samples < SERNET_SAMPLES ? samples : SERNET_SAMPLES;
  unsigned long middle = (samples - length) / 2, i;
  int64_t squares = 0, sum = 0;
  double energy, most = -1.0, of_middle = 0.0, least;
  for (i = 0; i < samples; i++) {
    int16_t *own = ring + i % SERNET_SAMPLES;
    if (i >= SERNET_SAMPLES) squares -= (int32_t)*own * *own, sum -= *own;
    if (!sernet_wav_next(file, own)) return "is cut short; copy it again";
    squares += (int32_t)*own * *own, sum += *own;
    if (i + 1 < length) continue;
    energy = (double)squares - (double)sum * (double)sum / (double)length;
    if (length == 1) energy = (double)squares; /* which has no level */
    if (i + 1 - length == middle) of_middle = energy;
    if (((i + 1 - length) % STEP == 0 || i + 1 == samples) && energy > most) {
      most = energy;
      *loudest = i + 1 - length;
    }
  }
  least = (double)length * 1073741824.0 * pow(10.0, SERNET_FLOOR_DB / 10.0);
  if (length == 1 && most > 0.0) least = 0.0;
  if (most <= 0.0 || most < least) return "is silent; give another recording";
  *start = of_middle >= least &&
                   of_middle >= most * pow(10.0, -SERNET_SILENCE_DB / 10.0)
               ? middle
               : *loudest;
  return NULL;
}

/* Judges a recording; NULL, or what is wrong. */
static const char *judge(FILE *file, const char *name, const options *own) {
  unsigned long samples, start = 0, loudest = 0, i;
  size_t count;
  float scale;
  long first;
  const char *fault = sernet_wav_open(file, &samples);
  if (fault) return fault;
  first = ftell(file);
  fault = find_part(file, samples, &start, &loudest);
  if (fault) return fault;
  for (;; start = loudest) {
    if (first < 0 || fseek(file, first, SEEK_SET) != 0)
      return "cannot be read twice; give a file, or raw sound with --stream";
    for (i = 0, count = 0; i < samples && count < SERNET_SAMPLES; i++) {
      if (!sernet_wav_next(file, segment + count))
        return "is cut short; copy it again";
      count += i >= start;
    }
    scale = sernet_scale(segment, count);
    if (sernet_holds_sound(segment, count, scale)) break;
    if (start == loudest) return "is silent; give another recording";
  }
  if (name) printf("%s\t", name);
  say(count, scale, 0, !own->gated || has_voice(segment, count), own);
  return NULL;
}

/* Says on stderr if not all that was printed could be written; the exit code. */
static int written(int code) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  fprintf(stderr, "error: what was recognized could not be written to stdout; "
                  "make room there\n");
  return 2;
}

/* Judges raw sound from stdin second by second, the rest at the end; the exit
 * code. */
static int stream(const options *own) {
  static uint8_t open[GATE_HOPS];
  sernet_gate gate;
  int16_t hop[SERNET_HOP];
  float loudest_db = -HUGE_VALF;
  unsigned long heard = 0, next = 0, covered = 0, i;
  int more = 1;
  sernet_gate_init(&gate);
  while (more) {
    unsigned long count = SERNET_SAMPLES, voiced = 0;
    float scale;
    int silent;
    more = sernet_wav_next(stdin, ring + heard % SERNET_SAMPLES);
    if (more) {
      hop[heard % SERNET_HOP] = ring[heard % SERNET_SAMPLES];
      if (++heard % SERNET_HOP == 0)
        open[(heard / SERNET_HOP - 1) % GATE_HOPS] =
            (uint8_t)sernet_gate_push(&gate, hop);
      if (heard != next + SERNET_SAMPLES) continue;
    } else {
      if (covered >= heard) break;
      count = heard - next;
    }
    for (i = 0; i < count; i++)
      segment[i] = ring[(next + i) % SERNET_SAMPLES];
    for (i = (next + SERNET_HOP - 1) / SERNET_HOP;
         (i + 1) * SERNET_HOP <= next + count; i++)
      voiced += open[i % GATE_HOPS];
    printf("%.2f\t%.2f\t", (double)next / SERNET_RATE_HZ,
           (double)(next + count) / SERNET_RATE_HZ);
    scale = sernet_scale(segment, count);
    silent = sernet_silent(sernet_level_db(segment, count), &loudest_db) ||
             !sernet_holds_sound(segment, count, scale);
    say(count, scale, silent, !own->gated || voiced >= SERNET_GATE_VOICE, own);
    if (fflush(stdout) != 0) break; /* nobody reads on */
    covered = next + count;
    next += STREAM_HOP;
  }
  if (heard == 0)
    return fprintf(stderr, "error: no sound came from stdin; pipe raw sound of "
                           "16 bits into it\n"), 2;
  return written(0);
}

/* Reads P of --abstain=P; 0 if it is no probability. */
static int threshold(const char *text, float *found) {
  char rest;
  return sscanf(text, "%f%c", found, &rest) == 1 && *found >= 0.0f &&
         *found < 1.0f;
}

static void help(void) {
  int k;
  puts("app [options] recording.wav ...   the emotion in each recording\n"
       "app --stream [options]            raw sound of 16 bits from stdin, "
       "a line each second\n\n"
       "Recordings are WAV files of 16 bits, one channel, " SERNET_RATE_TEXT
       " Hz.\n\n"
       "  --fixed          the front end in integers\n"
       "  --gate           (no voice) where there is too little voice\n"
       "  --abstain=P      (unsure) below the probability P\n"
       "  --abstain        the same, with the threshold of the weights\n"
       "  --probabilities  NAME=P of every class after the answer\n"
       "  --help           this text\n");
  if (SERNET_ABSTAIN > 0.0f)
    printf("Threshold of the weights: %.7g\n", (double)SERNET_ABSTAIN);
  printf("Classes:");
  for (k = 0; k < SERNET_CLASSES; k++)
    printf("%s %s", k ? "," : "", sernet_classes[k]);
  printf("\n");
}

int main(int argc, char **argv) {
  options own = {0, 0, 0, 0.0f};
  int streams = 0, code = 0, files = 0, i;
  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0)
      return help(), 0;
    else if (strcmp(argv[i], "--fixed") == 0)
      own.integers = 1;
    else if (strcmp(argv[i], "--gate") == 0)
      own.gated = 1;
    else if (strcmp(argv[i], "--probabilities") == 0)
      own.all = 1;
    else if (strcmp(argv[i], "--stream") == 0)
      streams = 1;
    else if (strcmp(argv[i], "--abstain") == 0 && SERNET_ABSTAIN > 0.0f)
      own.abstain = SERNET_ABSTAIN;
    else if (strcmp(argv[i], "--abstain") == 0)
      return fprintf(stderr, "error: these weights keep no threshold; give "
                             "one, such as --abstain=0.6\n"), 2;
    else if (strncmp(argv[i], "--abstain=", 10) == 0) {
      if (!threshold(argv[i] + 10, &own.abstain))
        return fprintf(stderr, "error: %s is not a probability; give one from "
                               "0 to below 1, such as --abstain=0.6\n",
                       argv[i]), 2;
    } else if (strncmp(argv[i], "--", 2) == 0)
      return fprintf(stderr, "error: %s is not known; give --fixed, --gate, "
                             "--abstain, --probabilities, --stream, "
                             "--help or recordings\n", argv[i]), 2;
    else
      argv[1 + files++] = argv[i];
  }
  if (streams && files > 0)
    return fprintf(stderr, "error: --stream hears stdin and takes no "
                           "recordings; give one or the other\n"), 2;
  if (streams) return stream(&own);
  if (files == 0)
    return fprintf(stderr, "error: there is no recording; give one or more: "
                           "app recording.wav\n"), 2;
  for (i = 1; i <= files; i++) {
    FILE *file = fopen(argv[i], "rb");
    const char *fault = file ? judge(file, files > 1 ? argv[i] : NULL, &own)
                             : "cannot be opened; check its name";
    if (file) fclose(file);
    if (fault) {
      fprintf(stderr, "error: %s %s\n", argv[i], fault);
      code = 2;
    }
  }
  return written(code);
}
