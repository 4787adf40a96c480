#pragma once

#include "fod/device.hpp"

#include <cstdint>
#include <vector>

namespace fod {

/// The groups of a layer, where the activations are. Neuron j of group g has its weight along
/// `members`: its sign / (standard deviation * size of the group).
struct PatternSpec {
  std::int64_t rows = 0;
  std::int64_t neurons = 0;
  std::int64_t groups = 0;
  std::int64_t alive = 0;                ///< neurons with a standard deviation
  double const* mean = nullptr;          ///< by neuron
  double const* inverse = nullptr;       ///< 1 / standard deviation by neuron; 0 if it has none
  std::int64_t const* members = nullptr; ///< of all groups, one after the other
  std::int64_t const* offsets = nullptr; ///< by group, and one more
  double const* weights = nullptr;       ///< along `members`
};

/// Where the results go, on the side that computes.
struct PatternView {
  float* centers = nullptr;    ///< (rows, groups): mean standardised activation of the group's
                               ///< neurons, signs flipped where they oppose the rest
  double* mean = nullptr;      ///< by row: of the standardised activations of all live neurons
  double* deviation = nullptr; ///< by row: their standard deviation (population)
};

/// How much each group is active in each sample.
namespace host {
void patterns(float const* values, PatternSpec const& spec, PatternView const& out, int threads);
}
namespace cuda {
/// Queued on `stream`; all pointers are the device's.
void patterns(float const* values, PatternSpec const& spec, PatternView const& out,
              StreamView stream);
} // namespace cuda

/// What is known of a layer's neurons and groups.
struct LayerPattern {
  std::vector<double> mean;      ///< by neuron
  std::vector<double> deviation; ///< by neuron; 0 for a dead one
  std::vector<std::vector<std::int64_t>> groups;
  std::vector<std::vector<double>> signs; ///< along the members of each group, 1 or -1
};

/// Runs the pass over batches of activations: owns the memory.
class GroupPatterns {
public:
  GroupPatterns(Device const& device, LayerPattern const& layer, std::int64_t most_rows,
                int threads);

  /// @param values float32 (rows, neurons), where the model runs
  /// @return on the host, valid until the next call
  [[nodiscard]] PatternView run(float const* values, std::int64_t rows, StreamView stream);
  [[nodiscard]] std::int64_t groups() const { return spec_.groups; }

private:
  [[nodiscard]] PatternView view_of(void* start, std::size_t* bytes = nullptr) const;

  bool on_device_;
  int threads_;
  std::int64_t most_rows_;
  Buffer constants_;
  Buffer host_;
  Buffer device_;
  PatternSpec spec_; ///< into `constants_`
};

} // namespace fod
