#include "team.hpp"

namespace fod {

void run_on_team(std::int64_t tasks, std::function<void(std::int64_t)> const& run) {
#pragma omp parallel for schedule(dynamic)
  for (std::int64_t task = 0; task < tasks; ++task) {
    run(task);
  }
}

} // namespace fod
