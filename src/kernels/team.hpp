#pragma once

#include <cstdint>
#include <functional>

namespace fod {

/// Calls `run(task)` for every task below `tasks`, on the threads of the model: OpenMP's, as many
/// as LibTorch has set for the calling thread. They wait between two layers anyway; threads of our
/// own would share their cores with them. `run` must not throw, and what it computes must not
/// depend on the thread that takes it.
void run_on_team(std::int64_t tasks, std::function<void(std::int64_t)> const& run);

} // namespace fod
