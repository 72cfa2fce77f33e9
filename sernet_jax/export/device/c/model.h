// SPDX-License-Identifier: Apache-2.0
//
// A model for TensorFlow Lite Micro: features in, int8 in and out, batch 1.
//
//   q = round(x / SERNET_INPUT_SCALE) + SERNET_INPUT_ZERO_POINT, in -128 to 127
//   p = (q - SERNET_OUTPUT_ZERO_POINT) * SERNET_OUTPUT_SCALE
//
// The input is (1, SERNET_ROWS, SERNET_COLUMNS, 1), rows in time. If there is
// SERNET_ARENA_BYTES, it was measured in the interpreter with 64-bit pointers.
// Written by sernet_jax.
#ifndef SERNET_MODEL_H
#define SERNET_MODEL_H

/* @constants@ */

extern const unsigned char sernet_model[SERNET_MODEL_BYTES];
extern const char* const sernet_classes[SERNET_CLASSES];

// Adds the operators to a tflite::MicroMutableOpResolver<SERNET_OPERATORS>.
template <class Resolver>
void sernet_add_operators(Resolver& resolver) {
/* @resolver@ */
}

#endif
