/* Preloaded into fod-generate by bench_job.py: how long its calls that write and sync take. At its
 * end each process appends a line "BYTES WRITE_SECONDS SYNC_SECONDS" to the file that WRITE_CLOCK
 * names. Writes under 4 KiB are messages and marks, and not counted. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long long bytes;
static double write_seconds;
static double sync_seconds;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static ssize_t count(double start, ssize_t done) {
  if (done >= 4096) {
    pthread_mutex_lock(&lock);
    bytes += done;
    write_seconds += now() - start;
    pthread_mutex_unlock(&lock);
  }
  return done;
}

#define NEXT(name, result, ...)                                                                    \
  static result (*next)(__VA_ARGS__);                                                              \
  if (next == NULL) {                                                                              \
    *(void**)&next = dlsym(RTLD_NEXT, name);                                                       \
  }                                                                                                \
  double const start = now()

ssize_t write(int file, void const* data, size_t size) {
  NEXT("write", ssize_t, int, void const*, size_t);
  return count(start, next(file, data, size));
}

ssize_t pwrite(int file, void const* data, size_t size, off_t at) {
  NEXT("pwrite", ssize_t, int, void const*, size_t, off_t);
  return count(start, next(file, data, size, at));
}

ssize_t pwrite64(int file, void const* data, size_t size, off64_t at) {
  NEXT("pwrite64", ssize_t, int, void const*, size_t, off64_t);
  return count(start, next(file, data, size, at));
}

ssize_t writev(int file, struct iovec const* parts, int parts_count) {
  NEXT("writev", ssize_t, int, struct iovec const*, int);
  return count(start, next(file, parts, parts_count));
}

ssize_t pwritev(int file, struct iovec const* parts, int parts_count, off_t at) {
  NEXT("pwritev", ssize_t, int, struct iovec const*, int, off_t);
  return count(start, next(file, parts, parts_count, at));
}

ssize_t pwritev64(int file, struct iovec const* parts, int parts_count, off64_t at) {
  NEXT("pwritev64", ssize_t, int, struct iovec const*, int, off64_t);
  return count(start, next(file, parts, parts_count, at));
}

static int count_sync(double start, int status) {
  pthread_mutex_lock(&lock);
  sync_seconds += now() - start;
  pthread_mutex_unlock(&lock);
  return status;
}

int fsync(int file) {
  NEXT("fsync", int, int);
  return count_sync(start, next(file));
}

int fdatasync(int file) {
  NEXT("fdatasync", int, int);
  return count_sync(start, next(file));
}

int sync_file_range(int file, off64_t at, off64_t size, unsigned flags) {
  NEXT("sync_file_range", int, int, off64_t, off64_t, unsigned);
  return count_sync(start, next(file, at, size, flags));
}

__attribute__((destructor)) static void tell(void) {
  char const* const path = getenv("WRITE_CLOCK");
  FILE* const file = path == NULL || bytes == 0 ? NULL : fopen(path, "a");
  if (file != NULL) {
    fprintf(file, "%lld %.6f %.6f\n", bytes, write_seconds, sync_seconds);
    fclose(file);
  }
}
