// SPDX-License-Identifier: Apache-2.0
//
// A model for TensorFlow Lite Micro; see model.h.
#include "model.h"

/* @tables@ */
