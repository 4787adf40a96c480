#include "fod/alive.hpp"

#include <atomic>

namespace fod {

namespace {

std::atomic<std::uint64_t>& steps() {
  static std::atomic<std::uint64_t> count{0};
  return count;
}

} // namespace

void note_progress() {
  ++steps();
}

std::uint64_t progress_noted() {
  return steps();
}

} // namespace fod
