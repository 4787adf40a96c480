#include "library.hpp"

#include <array>
#include <cstdlib>

namespace fod {

namespace {

/// Number of tasks that SLURM says this step has; 1 if it says nothing.
int tasks_of_launcher() {
  for (auto const* name : {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
    if (auto const* text = std::getenv(name); text != nullptr) {
      return std::atoi(text);
    }
  }
  return 1;
}

/// A launcher of MPI's own (mpirun) was at work, whatever SLURM says.
bool started_by_mpi_launcher() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMI_SIZE") != nullptr;
}

void refuse_lonely_tasks() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (auto const tasks = tasks_of_launcher();
      size == 1 && tasks > 1 && !started_by_mpi_launcher()) {
    MPI_Finalize();
    throw bad_input("this task does not know of the other " + std::to_string(tasks - 1),
                    "SLURM started " + std::to_string(tasks) +
                        " tasks without PMI, each believing to be 0 of 1",
                    "start the job with `srun --mpi=pmix fod-generate …`, or with mpirun inside "
                    "the allocation, or with one task");
  }
}

} // namespace

MpiSession::MpiSession(int* argc, char*** argv) {
  int granted = MPI_THREAD_SINGLE;
  mpi::check(MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &granted), "MPI cannot start");
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  // The thread that watches the ranks talks to them while the main thread works. Without it a job
  // could hang for ever behind a rank that is stopped.
  if (granted < MPI_THREAD_MULTIPLE && size > 1) {
    MPI_Finalize();
    throw bad_input(
        "the MPI library does not let several threads talk",
        "it does not grant MPI_THREAD_MULTIPLE, which the watch over stalled ranks needs",
        "use an MPI built with threads, or one rank");
  }
  refuse_lonely_tasks();
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string const version(text.data(), static_cast<std::size_t>(length));
  return version.substr(0, version.find(','));
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

} // namespace fod
