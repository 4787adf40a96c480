#include "patterns.cuh"
#include "workers.hpp"

namespace fod::host {

void patterns(float const* values, PatternSpec const& spec, PatternView const& out, int threads) {
  Workers::shared(threads)->run(spec.rows, [&](std::int64_t row, int /*thread*/) {
    row::activity(values, spec, row, out, row::Alone());
  });
}

} // namespace fod::host
