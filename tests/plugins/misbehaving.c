/* A model that does one thing wrong, named by its options; "" is a good one. It returns its input,
 * (B, K) float32. */

#include "fod/plugin_abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fod_model {
  char fault[64];
};

typedef struct {
  DLManagedTensor tensor;
  int64_t shape[3];
  int64_t strides[3];
  char values[1];
} Output;

static int alive = 0; /* outputs not yet deleted */

FOD_PLUGIN_EXPORT int misbehaving_alive(void) {
  return alive;
}

int fod_plugin_abi_version(void) {
  return FOD_PLUGIN_ABI_VERSION;
}

int fod_model_open(char const* options, fod_plugin_host const* host, fod_model** model, char* error,
                   size_t error_size) {
  (void)host;
  if (strcmp(options, "open") == 0) {
    snprintf(error, error_size, "no such\nnetwork");
    return 7;
  }
  if (strcmp(options, "silent") == 0) {
    return 1;
  }
  *model = calloc(1, sizeof **model);
  strncpy((*model)->fault, options, sizeof(*model)->fault - 1);
  return 0;
}

int fod_model_describe(fod_model* model, fod_model_description* description) {
  int const is_wrong = strcmp(model->fault, "describe") == 0;
  description->name = strcmp(model->fault, "nameless") == 0 ? NULL : "misbehaving";
  description->least_inputs = is_wrong ? 3 : 1;
  description->most_inputs = is_wrong ? 2 : -1;
  description->floating.code = strcmp(model->fault, "integers") == 0 ? kDLInt : kDLFloat;
  description->floating.bits = 32;
  description->floating.lanes = 1;
  return strcmp(model->fault, "mute") == 0;
}

static void free_output(DLManagedTensor* tensor) {
  --alive;
  free(tensor->manager_ctx);
}

static void spoil(char const* fault, DLTensor* tensor, int64_t* strides) {
  if (strcmp(fault, "device") == 0) {
    tensor->device.device_type = kDLCUDA;
    tensor->device.device_id = 3;
  } else if (strcmp(fault, "strides") == 0) {
    strides[0] = 1;
    strides[1] = tensor->shape[0];
    tensor->strides = strides;
  } else if (strcmp(fault, "offset") == 0) {
    tensor->byte_offset = 2;
  } else if (strcmp(fault, "data") == 0) {
    tensor->data = NULL;
  } else if (strcmp(fault, "shape") == 0) {
    tensor->shape = NULL;
  } else if (strcmp(fault, "type") == 0) {
    tensor->dtype.bits = 24;
  } else if (strcmp(fault, "1d") == 0) {
    tensor->ndim = 1;
    tensor->strides = NULL;
  }
}

int fod_model_forward(fod_model* model, DLTensor const* const* inputs, size_t count, void* stream,
                      DLManagedTensor** output, char* error, size_t error_size) {
  DLTensor const* const in = inputs[0];
  float const* const values = in->data;
  const size_t size = (size_t)(in->shape[0] * in->shape[1]) * sizeof(float);
  Output* made;
  (void)count;
  (void)stream;
  if (strcmp(model->fault, "forward") == 0 ||
      (strcmp(model->fault, "late") == 0 && values[0] > 100)) {
    snprintf(error, error_size, "the network is tired");
    return 1;
  }
  if (strcmp(model->fault, "output") == 0) {
    return 0;
  }
  made = calloc(1, sizeof *made + size);
  ++alive;
  memcpy(made->values, in->data, size);
  made->shape[0] = in->shape[0];
  made->shape[1] = in->shape[1];
  made->strides[0] = in->shape[1];
  made->strides[1] = 1;
  made->tensor.dl_tensor = *in;
  made->tensor.dl_tensor.data = made->values;
  made->tensor.dl_tensor.shape = made->shape;
  made->tensor.dl_tensor.strides = made->strides;
  made->tensor.manager_ctx = made;
  made->tensor.deleter = free_output;
  spoil(model->fault, &made->tensor.dl_tensor, made->strides);
  *output = &made->tensor;
  return 0;
}

void fod_model_close(fod_model* model) {
  free(model);
}
