/* A transform as plugin, to start from: sharpens every distribution, p^2 / sum p^2.
 *
 *     --transform plugin:libfod_example_transform.so
 */

#include "fod/plugin_abi.h"

#include <stdio.h>

struct fod_transform {
  int power;
};

static fod_transform the_only = {2};

int fod_plugin_abi_version(void) {
  return FOD_PLUGIN_ABI_VERSION;
}

int fod_transform_open(char const* options, fod_transform** transform, char* error,
                       size_t error_size) {
  if (options[0] != '\0') {
    snprintf(error, error_size, "this transform has no options, not even %s", options);
    return 1;
  }
  *transform = &the_only;
  return 0;
}

int fod_transform_apply(fod_transform* transform, float* rows, int64_t count, int64_t classes,
                        char* error, size_t error_size) {
  int64_t i, j;
  int k;
  for (i = 0; i < count; ++i) {
    float* const row = rows + i * classes;
    double sum = 0;
    for (j = 0; j < classes; ++j) {
      float const value = row[j];
      for (k = 1; k < transform->power; ++k) {
        row[j] *= value;
      }
      sum += row[j];
    }
    if (!(sum > 0)) {
      snprintf(error, error_size, "row %ld of the batch has no probability at all", (long)i);
      return 1;
    }
    for (j = 0; j < classes; ++j) {
      row[j] = (float)(row[j] / sum);
    }
  }
  return 0;
}

void fod_transform_close(fod_transform* transform) {
  (void)transform;
}
