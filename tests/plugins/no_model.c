/* A plugin that forgot most of its functions. */

#include "fod/plugin_abi.h"

int fod_plugin_abi_version(void) {
  return FOD_PLUGIN_ABI_VERSION;
}

int fod_model_open(char const* options, fod_plugin_host const* host, fod_model** model, char* error,
                   size_t error_size) {
  (void)options, (void)host, (void)model, (void)error, (void)error_size;
  return 1;
}
