#include "library.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>

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

bool is_set(char const* name) {
  return std::getenv(name) != nullptr;
}

/// A launcher of MPI's own (mpirun) was at work, whatever SLURM says.
bool started_by_mpi_launcher() {
  return is_set("OMPI_COMM_WORLD_SIZE") || is_set("PMI_SIZE");
}

Error lonely_task(int tasks) {
  return bad_input("this task does not know of the other " + std::to_string(tasks - 1),
                   "SLURM started " + std::to_string(tasks) +
                       " tasks without PMI, each believing to be 0 of 1",
                   "start the job with `srun --mpi=pmix fod-generate …`, or with mpirun inside "
                   "the allocation, or with one task");
}

/// Before MPI starts: Open MPI would end a step of SLURM's without PMI by itself, with exit code 1
/// and a text on how to build Open MPI.
void refuse_step_without_pmi() {
  if (!is_set("SLURM_STEP_NUM_TASKS") || started_by_mpi_launcher() || is_set("PMIX_RANK") ||
      is_set("PMI_RANK")) {
    return;
  }
  if (auto const tasks = tasks_of_launcher(); tasks > 1) {
    throw lonely_task(tasks);
  }
  if (mpi_version().rfind("Open MPI", 0) == 0) {
    throw bad_input("Open MPI cannot start here", "SLURM started this task without PMI",
                    "start the job with `srun --mpi=pmix fod-generate …`, or with mpirun");
  }
}

void refuse_lonely_tasks() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (auto const tasks = tasks_of_launcher();
      size == 1 && tasks > 1 && !started_by_mpi_launcher()) {
    MPI_Finalize();
    throw lonely_task(tasks);
  }
}

/// A network that programs reach past the kernel: InfiniBand, RoCE, Omni-Path, EFA; Slingshot;
/// Aries.
bool has_fabric() {
  constexpr std::array<char const*, 5> traces{"/sys/class/infiniband", "/sys/class/cxi",
                                              "/dev/hfi1_0", "/dev/ipath", "/dev/kgni0"};
  return std::any_of(traces.begin(), traces.end(), [](char const* trace) {
    std::error_code ignored;
    return std::filesystem::exists(trace, ignored);
  });
}

/// As far as the launcher tells. Open MPI's choice of a network must be the same on all nodes.
bool on_one_node() {
  if (is_set("OMPI_COMM_WORLD_SIZE")) {
    return is_set("OMPI_COMM_WORLD_LOCAL_SIZE") &&
           std::string_view(std::getenv("OMPI_COMM_WORLD_SIZE")) ==
               std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  }
  return !is_set("PMIX_RANK") && !is_set("PMI_RANK");
}

/// Quicker starts of Open MPI. What the environment says comes first.
void prepare_open_mpi() {
  // Started without a launcher, it would start a daemon for processes that are never spawned.
  ::setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  // The libraries of Omni-Path and its elders each wait a tenth of a second for hardware.
  if (!is_set("OMPI_MCA_mtl") && on_one_node() && !has_fabric()) {
    ::setenv("OMPI_MCA_pml", "^cm", 0);
  }
}

} // namespace

MpiSession::MpiSession(int* argc, char*** argv) {
  refuse_step_without_pmi();
  prepare_open_mpi();
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
