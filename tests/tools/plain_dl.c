/* Preloaded into programs built with sanitizers. AddressSanitizer refuses RTLD_DEEPBIND: Python's
 * wheels are loaded without it, as Python itself does. It names who leaked only as long as that is
 * loaded, and ThreadSanitizer ends a program that unloads what races.txt names: so nothing is
 * unloaded. */
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
