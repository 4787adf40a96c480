/* To be preloaded (LD_PRELOAD): the rename that publishes a result takes FOD_SLOW_RENAME seconds,
 * after the file FOD_SLOW_FOLDER/finishing was made. */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((visibility("default"))) int rename(char const* from, char const* to) {
  char const* const folder = getenv("FOD_SLOW_FOLDER");
  char const* const seconds = getenv("FOD_SLOW_RENAME");
  if (folder != NULL && seconds != NULL && strlen(from) > 8 &&
      strcmp(from + strlen(from) - 8, ".partial") == 0) {
    char path[600];
    FILE* file;
    struct timespec left;
    snprintf(path, sizeof path, "%s/finishing", folder);
    file = fopen(path, "w");
    if (file != NULL) {
      fclose(file);
    }
    left.tv_sec = atoi(seconds);
    left.tv_nsec = 0;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  }
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
