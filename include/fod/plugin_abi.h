#pragma once

/* The interface of plugins: models and transforms of your own in a shared library,
 *     fod-generate --model "plugin:libmine.so?anything" ...
 * It is plain C and needs no other header, so a plugin can be written in any language that makes
 * functions with C names. tests/plugins holds a model and a transform to start from:
 *     cc -shared -fPIC -O2 -I include mine.c -o libmine.so
 *
 * A model exports fod_plugin_abi_version and all of fod_model_*, a transform fod_plugin_abi_version
 * and all of fod_transform_*; one library may export both. All calls come from one thread of one
 * process per rank. Functions that return int return 0 when all went well; otherwise they write
 * what went wrong into `error`, ended by 0 and no longer than `error_size` with it. A text that
 * says "out of memory" makes the job go on with smaller batches. No exception may leave them.
 */

#include <stddef.h>
#include <stdint.h>

/* Grows with every change that an older plugin could not live with. */
#define FOD_PLUGIN_ABI_VERSION 1

#define FOD_PLUGIN_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* Tensors are DLPack's, version 0.8. A plugin with a <dlpack/dlpack.h> of its own includes that
 * first. */
#ifndef DLPACK_DLPACK_H_

/* Where memory is; only the first two are taken here. */
typedef enum {
  kDLCPU = 1,
  kDLCUDA = 2,
  kDLCUDAHost = 3,
  kDLCUDAManaged = 13,
  kDLHexagon = 16
} DLDeviceType;

typedef struct {
  DLDeviceType device_type;
  int32_t device_id; /* index of the GPU; 0 for the CPU */
} DLDevice;

typedef enum {
  kDLInt = 0U,
  kDLUInt = 1U,
  kDLFloat = 2U,
  kDLBfloat = 4U,
  kDLBool = 6U
} DLDataTypeCode;

typedef struct {
  uint8_t code;   /* DLDataTypeCode */
  uint8_t bits;   /* 32 for float32 */
  uint16_t lanes; /* 1 */
} DLDataType;

typedef struct {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;       /* ndim extents, outermost first */
  int64_t* strides;     /* ndim steps in elements; NULL: row after row without gaps */
  uint64_t byte_offset; /* of the first element from data */
} DLTensor;

typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx; /* the maker's own */
  /* Called once, with the tensor itself, when it is needed no longer. NULL if there is nothing to
   * free. */
  void (*deleter)(struct DLManagedTensor* self);
} DLManagedTensor;

#endif

/* What the job offers. */
typedef struct fod_plugin_host {
  int32_t device_type; /* kDLCPU or kDLCUDA: where inputs are and the output is expected */
  int32_t device_id;   /* index of the GPU, which is current already; 0 for the CPU */
  int32_t threads;     /* CPU threads that the plugin may use */
} fod_plugin_host;

/* What a model says of itself. The texts stay valid as long as the model. */
typedef struct fod_model_description {
  char const* name;        /* with a version, for the result file's provenance: "my CNN 1.2" */
  char const* input_names; /* "image, mask"; NULL: not told */
  int32_t least_inputs;    /* 1 or more */
  int32_t most_inputs;     /* negative: not limited */
  DLDataType floating;     /* what integer inputs are converted to before the model is asked to
                              take them as they are: kDLFloat or kDLBfloat */
} fod_model_description;

/* The plugin's own: whatever it keeps. */
typedef struct fod_model fod_model;
typedef struct fod_transform fod_transform;

/* Returns FOD_PLUGIN_ABI_VERSION, as the plugin was compiled. Called before anything else. */
FOD_PLUGIN_EXPORT int fod_plugin_abi_version(void);

/* Makes a model. `options` is what followed the first '?' in --model; "" without one. */
FOD_PLUGIN_EXPORT int fod_model_open(char const* options, fod_plugin_host const* host,
                                     fod_model** model, char* error, size_t error_size);

FOD_PLUGIN_EXPORT int fod_model_describe(fod_model* model, fod_model_description* description);

/* One forward over a batch.
 * inputs: `count` tensors without gaps, the batch first, (B, ...), to be read only and valid during
 *   the call alone. All batches have the same size; the last one is filled up with any samples.
 * stream: the CUDA stream (cudaStream_t) on which the inputs are ready and the output is awaited;
 *   NULL on the CPU.
 * output: set to class scores (B, K), row after row without gaps, of a floating point type, on the
 *   same device. It belongs to the caller until the caller calls its deleter; by then the model may
 *   have run again.
 * The same inputs must give the same bits, whatever ran before. */
FOD_PLUGIN_EXPORT int fod_model_forward(fod_model* model, DLTensor const* const* inputs,
                                        size_t count, void* stream, DLManagedTensor** output,
                                        char* error, size_t error_size);

FOD_PLUGIN_EXPORT void fod_model_close(fod_model* model);

/* Makes a transform of class distributions, for --transform plugin:... */
FOD_PLUGIN_EXPORT int fod_transform_open(char const* options, fod_transform** transform,
                                         char* error, size_t error_size);

/* Changes `count` distributions over `classes` classes in place, row after row. A row must not
 * depend on the others: which of them come together is not promised. */
FOD_PLUGIN_EXPORT int fod_transform_apply(fod_transform* transform, float* rows, int64_t count,
                                          int64_t classes, char* error, size_t error_size);

FOD_PLUGIN_EXPORT void fod_transform_close(fod_transform* transform);

#ifdef __cplusplus
}
#endif
