/* What MPI takes for the messages that fod-generate sends, for the model of scale.py. Rank 0 prints
 * lines "NAME SECONDS":
 *     message    a short message of another rank, found by MPI_Iprobe and taken
 *     meet       a nonblocking barrier that is looked at between pauses of 20 us to 2 ms
 *     broadcast  a byte, of 64 MiB
 *     reduce     a byte of 64-bit integers, of 16 MiB */

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MESSAGES = 20000, MEETINGS = 50, ROUNDS = 5, TAG = 1 };

static void meet(void) {
  MPI_Request request;
  int done = 0;
  long microseconds = 20;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  for (;;) {
    struct timespec pause = {0, microseconds * 1000};
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) {
      return;
    }
    nanosleep(&pause, NULL);
    microseconds = microseconds < 1000 ? 2 * microseconds : 2000;
  }
}

/* The least of some rounds, by the clock of rank 0. */
static double least(void (*work)(void)) {
  double best = 1e9;
  for (int round = 0; round < ROUNDS; ++round) {
    MPI_Barrier(MPI_COMM_WORLD);
    double const start = MPI_Wtime();
    work();
    MPI_Barrier(MPI_COMM_WORLD);
    double const seconds = MPI_Wtime() - start;
    best = seconds < best ? seconds : best;
  }
  return best;
}

static void messages(void) {
  int rank = 0;
  int size = 0;
  char bytes[24] = {0};
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank == 1) {
    for (int i = 0; i < MESSAGES; ++i) {
      MPI_Send(bytes, sizeof bytes, MPI_BYTE, 0, TAG, MPI_COMM_WORLD);
    }
  }
  for (int taken = 0; rank == 0 && size > 1 && taken < MESSAGES;) {
    MPI_Status status;
    int there = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, &there, &status);
    if (there) {
      MPI_Recv(bytes, sizeof bytes, MPI_BYTE, status.MPI_SOURCE, TAG, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
      ++taken;
    }
  }
}

static void meetings(void) {
  for (int i = 0; i < MEETINGS; ++i) {
    meet();
  }
}

static size_t const broadcast_bytes = (size_t)64 << 20;
static size_t const reduced_bytes = (size_t)16 << 20;
static char* buffer;

static void broadcast(void) {
  MPI_Bcast(buffer, (int)broadcast_bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
}

static void reduce(void) {
  MPI_Allreduce(MPI_IN_PLACE, buffer, (int)(reduced_bytes / 8), MPI_UINT64_T, MPI_SUM,
                MPI_COMM_WORLD);
}

int main(int argc, char** argv) {
  int rank = 0;
  int granted = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &granted);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  buffer = malloc(broadcast_bytes);
  memset(buffer, 0, broadcast_bytes);
  double const seconds[4] = {least(messages) / MESSAGES, least(meetings) / MEETINGS,
                             least(broadcast) / (double)broadcast_bytes,
                             least(reduce) / (double)reduced_bytes};
  if (rank == 0) {
    printf("message %.3e\nmeet %.3e\nbroadcast %.3e\nreduce %.3e\n", seconds[0], seconds[1],
           seconds[2], seconds[3]);
  }
  free(buffer);
  MPI_Finalize();
  return 0;
}
