/* A plugin of a later version of the interface. */

#include "fod/plugin_abi.h"

int fod_plugin_abi_version(void) {
  return FOD_PLUGIN_ABI_VERSION + 41;
}
