/* Preloaded into programs built with AddressSanitizer. It refuses RTLD_DEEPBIND: Python's wheels are
 * loaded without it, as Python itself does. And it names who leaked only as long as that is loaded:
 * nothing is unloaded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

void* dlopen(char const* path, int flags) {
  static void* (*next)(char const*, int) = NULL;
  if (next == NULL) {
    *(void**)&next = dlsym(RTLD_NEXT, "dlopen");
  }
  return next(path, flags & ~RTLD_DEEPBIND);
}

int dlclose(void* library) {
  (void)library;
  return 0;
}
