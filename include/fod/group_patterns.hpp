#pragma once

#include "fod/device.hpp"
#include "fod/patterns.hpp"

#include <optional>

namespace fod {

namespace cuda {
/// Queued on `stream`; all pointers are the device's.
void patterns(float const* values, PatternSpec const& spec, PatternView const& out,
              StreamView stream);
} // namespace cuda

/// Tells how much the groups of a layer are active, where the model runs: owns the memory.
class GroupPatterns {
public:
  GroupPatterns(Device const& device, LayerPattern const& layer, std::int64_t most_rows,
                int threads);

  /// @param values float32 (rows, neurons), where the model runs
  /// @return on the host, valid until the next call
  [[nodiscard]] PatternView run(float const* values, std::int64_t rows, StreamView stream);
  [[nodiscard]] std::int64_t groups() const { return host_ ? host_->groups() : spec_.groups; }

private:
  [[nodiscard]] PatternView view_of(void* start, std::size_t* bytes = nullptr) const;

  std::optional<HostPatterns> host_; ///< on the CPU; else what follows
  std::int64_t most_rows_;
  Buffer constants_;
  Buffer pinned_;
  Buffer device_;
  Event there_;      ///< the results are in `pinned_`
  PatternSpec spec_; ///< into `constants_`
};

} // namespace fod
