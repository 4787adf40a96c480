#pragma once

#include <cstdint>
#include <vector>

/// How much each group of neurons is active in each sample.
namespace fod {

/// What is known of a layer's neurons and groups.
struct LayerPattern {
  std::vector<double> mean;      ///< by neuron
  std::vector<double> deviation; ///< by neuron; 0 for a dead one
  std::vector<std::vector<std::int64_t>> groups;
  std::vector<std::vector<double>> signs; ///< along the members of each group, 1 or -1
};

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

/// The memory that a spec on the host points into.
struct PatternTable {
  explicit PatternTable(LayerPattern const& layer);
  [[nodiscard]] PatternSpec spec() const;

  std::vector<double> mean;
  std::vector<double> inverse;
  std::vector<std::int64_t> members;
  std::vector<std::int64_t> offsets;
  std::vector<double> weights;
};

/// Where the results go, on the side that computes.
struct PatternView {
  float* centers = nullptr;    ///< (rows, groups): mean standardised activation of the group's
                               ///< neurons, signs flipped where they oppose the rest
  double* mean = nullptr;      ///< by row: of the standardised activations of all live neurons
  double* deviation = nullptr; ///< by row: their standard deviation (population)
};

namespace host {
/// @param values float32 (rows, neurons)
void patterns(float const* values, PatternSpec const& spec, PatternView const& out, int threads);
} // namespace host

/// Runs over batches of activations on the host: owns the memory.
class HostPatterns {
public:
  HostPatterns(LayerPattern const& layer, std::int64_t most_rows, int threads);

  /// @param values float32 (rows, neurons)
  /// @return valid until the next call
  [[nodiscard]] PatternView run(float const* values, std::int64_t rows);
  [[nodiscard]] std::int64_t groups() const { return std::ssize(table_.offsets) - 1; }

private:
  PatternTable table_;
  int threads_;
  std::vector<float> centers_;
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

} // namespace fod
