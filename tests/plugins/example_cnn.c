/* A model as plugin, to start from: the digits CNN of tools/train_digits.py in plain loops.
 *
 *     --model "plugin:libfod_example_cnn.so?weights=w.bin"
 *
 * w.bin holds the model's parameters as float32, one after the other in the order of state_dict():
 * conv1 (16,1,3,3) and bias, conv2 (32,16,3,3), fc1 (64,512), fc2 (10,64). */

#include "fod/plugin_abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, CONV1 = 16, CONV2 = 32, HALF = SIDE / 2, FLAT = CONV2 * HALF * HALF, FC1 = 64 };
enum { CLASSES = 10 };

struct fod_model {
  float conv1_weight[CONV1][1][3][3], conv1_bias[CONV1];
  float conv2_weight[CONV2][CONV1][3][3], conv2_bias[CONV2];
  float fc1_weight[FC1][FLAT], fc1_bias[FC1];
  float fc2_weight[CLASSES][FC1], fc2_bias[CLASSES];
};

static int fail(char* error, size_t error_size, char const* problem, char const* what) {
  snprintf(error, error_size, "%s %s", problem, what);
  return 1;
}

int fod_plugin_abi_version(void) {
  return FOD_PLUGIN_ABI_VERSION;
}

int fod_model_open(char const* options, fod_plugin_host const* host, fod_model** model, char* error,
                   size_t error_size) {
  char const* const key = "weights=";
  FILE* file;
  size_t whole;
  if (host->device_type != kDLCPU) {
    return fail(error, error_size, "this example runs on the CPU alone", "(--device cpu)");
  }
  if (strncmp(options, key, strlen(key)) != 0) {
    return fail(error, error_size, "the options are weights=FILE, not", options);
  }
  file = fopen(options + strlen(key), "rb");
  if (file == NULL) {
    return fail(error, error_size, "cannot open", options + strlen(key));
  }
  *model = malloc(sizeof **model);
  whole = *model == NULL ? 0 : fread(*model, sizeof **model, 1, file);
  if (whole == 1 && fgetc(file) != EOF) {
    whole = 0;
  }
  fclose(file);
  if (whole != 1) {
    free(*model);
    *model = NULL;
    return fail(error, error_size, "these are not this model's weights:", options + strlen(key));
  }
  return 0;
}

int fod_model_describe(fod_model* model, fod_model_description* description) {
  const DLDataType float32 = {kDLFloat, 32, 1};
  (void)model;
  description->name = "example CNN 1.0";
  description->input_names = "image";
  description->least_inputs = 1;
  description->most_inputs = 1;
  description->floating = float32;
  return 0;
}

static float positive(float value) {
  return value > 0 ? value : 0;
}

/* A 3x3 convolution with a border of zeros, and ReLU. */
static void convolve(float const* in, int channels, float const* weight, float const* bias,
                     float* out, int filters) {
  int f, c, y, x, dy, dx;
  for (f = 0; f < filters; ++f) {
    for (y = 0; y < SIDE; ++y) {
      for (x = 0; x < SIDE; ++x) {
        float sum = bias[f];
        for (c = 0; c < channels; ++c) {
          for (dy = -1; dy <= 1; ++dy) {
            for (dx = -1; dx <= 1; ++dx) {
              if (y + dy >= 0 && y + dy < SIDE && x + dx >= 0 && x + dx < SIDE) {
                sum += in[(c * SIDE + y + dy) * SIDE + x + dx] *
                       weight[((f * channels + c) * 3 + dy + 1) * 3 + dx + 1];
              }
            }
          }
        }
        out[(f * SIDE + y) * SIDE + x] = positive(sum);
      }
    }
  }
}

/* The largest of each 2x2. */
static void pool(float const* in, float* out) {
  int c, y, x, i;
  for (c = 0; c < CONV2; ++c) {
    for (y = 0; y < HALF; ++y) {
      for (x = 0; x < HALF; ++x) {
        float most = in[(c * SIDE + 2 * y) * SIDE + 2 * x];
        for (i = 1; i < 4; ++i) {
          float const other = in[(c * SIDE + 2 * y + i / 2) * SIDE + 2 * x + i % 2];
          most = other > most ? other : most;
        }
        out[(c * HALF + y) * HALF + x] = most;
      }
    }
  }
}

static void multiply(float const* in, int width, float const* weight, float const* bias, float* out,
                     int height) {
  int row, i;
  for (row = 0; row < height; ++row) {
    float sum = bias[row];
    for (i = 0; i < width; ++i) {
      sum += weight[row * width + i] * in[i];
    }
    out[row] = sum;
  }
}

static void classify(fod_model const* model, float const* image, float* scores) {
  float first[CONV1 * SIDE * SIDE], second[CONV2 * SIDE * SIDE], flat[FLAT], hidden[FC1];
  int i;
  convolve(image, 1, &model->conv1_weight[0][0][0][0], model->conv1_bias, first, CONV1);
  convolve(first, CONV1, &model->conv2_weight[0][0][0][0], model->conv2_bias, second, CONV2);
  pool(second, flat);
  multiply(flat, FLAT, &model->fc1_weight[0][0], model->fc1_bias, hidden, FC1);
  for (i = 0; i < FC1; ++i) {
    hidden[i] = positive(hidden[i]);
  }
  multiply(hidden, FC1, &model->fc2_weight[0][0], model->fc2_bias, scores, CLASSES);
}

/* An output with all that belongs to it in one piece. */
typedef struct {
  DLManagedTensor tensor;
  int64_t shape[2];
  float scores[1]; /* as many as are needed */
} Output;

static void free_output(DLManagedTensor* tensor) {
  free(tensor->manager_ctx);
}

int fod_model_forward(fod_model* model, DLTensor const* const* inputs, size_t count, void* stream,
                      DLManagedTensor** output, char* error, size_t error_size) {
  DLTensor const* const in = inputs[0];
  float const* images = (float const*)((char const*)in->data + in->byte_offset);
  Output* made;
  int64_t i;
  (void)count;
  (void)stream;
  if (in->dtype.code != kDLFloat || in->dtype.bits != 32) {
    return fail(error, error_size, "the images must be", "float32");
  }
  if (in->ndim != 4 || in->shape[1] != 1 || in->shape[2] != SIDE || in->shape[3] != SIDE) {
    return fail(error, error_size, "the images must have the shape", "(B, 1, 8, 8)");
  }
  made = malloc(sizeof *made + (size_t)in->shape[0] * CLASSES * sizeof(float));
  if (made == NULL) {
    return fail(error, error_size, "out of memory", "for the scores");
  }
  memset(made, 0, sizeof *made);
  made->shape[0] = in->shape[0];
  made->shape[1] = CLASSES;
  made->tensor.dl_tensor.data = made->scores;
  made->tensor.dl_tensor.device = in->device;
  made->tensor.dl_tensor.ndim = 2;
  made->tensor.dl_tensor.dtype = in->dtype;
  made->tensor.dl_tensor.shape = made->shape;
  made->tensor.manager_ctx = made;
  made->tensor.deleter = free_output;
  for (i = 0; i < in->shape[0]; ++i) {
    classify(model, images + i * SIDE * SIDE, made->scores + i * CLASSES);
  }
  *output = &made->tensor;
  return 0;
}

void fod_model_close(fod_model* model) {
  free(model);
}
