/* SPDX-License-Identifier: Apache-2.0
 *
 * WAV files of 16 bits, one channel and the model's rate, for the app. */
#ifndef SERNET_WAV_H
#define SERNET_WAV_H

#include <stdint.h>
#include <stdio.h>

/* Reads the format and goes to the samples, of which it gives the number;
 * returns NULL, or what is wrong, to follow the name of the file. */
const char *sernet_wav_open(FILE *file, unsigned long *samples);

/* Reads the next sample; returns 0 at the end of the file. */
int sernet_wav_next(FILE *file, int16_t *sample);

#endif
