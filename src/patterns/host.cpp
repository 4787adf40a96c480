#include "fod/workers.hpp"

#define FOD_SIDES
#include "activity.hpp"

namespace fod::host {

namespace {

/// One thread takes the whole row.
struct Alone {
  static constexpr std::int64_t first() { return 0; }
  static constexpr std::int64_t step() { return 1; }
  static constexpr double sum(double value) { return value; }
};

} // namespace

void patterns(float const* values, PatternSpec const& spec, PatternView const& out, int threads) {
  Workers::shared(threads)->run(spec.rows, [&](std::int64_t row, int /*thread*/) {
    row::activity(values, spec, row, out, Alone());
  });
}

} // namespace fod::host
