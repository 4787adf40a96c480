/* A model that takes its time and tells where it is, for tests that interrupt a job. It returns its
 * input, (B, K) float32, of which the first value is the sample's index. Options:
 *     FOLDER,MILLISECONDS,FAULT,RANK
 * Beyond block 0 (16 samples) each batch naps, after it has made the file FOLDER/loop.R (R: the
 * rank). On rank RANK, from its second such batch on, FAULT `hang` hangs, after it has made
 * FOLDER/hung.R, and `throw` fails; `load` naps at the start, twenty times as long,
 * after it has made FOLDER/loading.R. */

#define _POSIX_C_SOURCE 200809L

#include "fod/plugin_abi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct fod_model {
  char folder[512];
  int milliseconds;
  char fault[16];
  int at_fault;
  int batches;
};

typedef struct {
  DLManagedTensor tensor;
  int64_t shape[2];
  char values[1];
} Output;

static int own_rank(void) {
  char const* const text = getenv("OMPI_COMM_WORLD_RANK");
  return text == NULL ? 0 : atoi(text);
}

static void say(fod_model const* model, char const* what) {
  char path[600];
  FILE* file;
  snprintf(path, sizeof path, "%s/%s.%d", model->folder, what, own_rank());
  file = fopen(path, "w");
  if (file != NULL) {
    fclose(file);
  }
}

/* A signal does not wake it. */
static void nap(int milliseconds) {
  struct timespec left;
  left.tv_sec = milliseconds / 1000;
  left.tv_nsec = (long)(milliseconds % 1000) * 1000000;
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

int fod_plugin_abi_version(void) {
  return FOD_PLUGIN_ABI_VERSION;
}

int fod_model_open(char const* options, fod_plugin_host const* host, fod_model** model, char* error,
                   size_t error_size) {
  int rank = -1;
  fod_model* const made = calloc(1, sizeof *made);
  (void)host;
  if (sscanf(options, "%511[^,],%d,%15[^,],%d", made->folder, &made->milliseconds, made->fault,
             &rank) != 4) {
    snprintf(error, error_size, "the options are FOLDER,MILLISECONDS,FAULT,RANK");
    free(made);
    return 1;
  }
  made->at_fault = rank == own_rank();
  if (made->at_fault && strcmp(made->fault, "load") == 0) {
    say(made, "loading");
    nap(20 * made->milliseconds);
  }
  *model = made;
  return 0;
}

int fod_model_describe(fod_model* model, fod_model_description* description) {
  (void)model;
  description->name = "slow";
  description->input_names = NULL;
  description->least_inputs = 1;
  description->most_inputs = 1;
  description->floating.code = kDLFloat;
  description->floating.bits = 32;
  description->floating.lanes = 1;
  return 0;
}

static void free_output(DLManagedTensor* tensor) {
  free(tensor->manager_ctx);
}

int fod_model_forward(fod_model* model, DLTensor const* const* inputs, size_t count, void* stream,
                      DLManagedTensor** output, char* error, size_t error_size) {
  DLTensor const* const in = inputs[0];
  const size_t size = (size_t)(in->shape[0] * in->shape[1]) * sizeof(float);
  Output* made;
  (void)count;
  (void)stream;
  if (*(float const*)in->data >= 16) {
    int const faulty = model->at_fault && ++model->batches > 1;
    if (faulty && strcmp(model->fault, "throw") == 0) {
      snprintf(error, error_size, "the network is tired");
      return 1;
    }
    if (faulty && strcmp(model->fault, "hang") == 0) {
      say(model, "hung");
      for (;;) {
        nap(1000);
      }
    }
    say(model, "loop");
    nap(model->milliseconds);
  }
  made = calloc(1, sizeof *made + size);
  memcpy(made->values, in->data, size);
  made->shape[0] = in->shape[0];
  made->shape[1] = in->shape[1];
  made->tensor.dl_tensor = *in;
  made->tensor.dl_tensor.data = made->values;
  made->tensor.dl_tensor.shape = made->shape;
  made->tensor.dl_tensor.strides = NULL;
  made->tensor.manager_ctx = made;
  made->tensor.deleter = free_output;
  *output = &made->tensor;
  return 0;
}

void fod_model_close(fod_model* model) {
  free(model);
}
