#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fod {

/// One change of a class distribution p over K classes.
struct RowTransform {
  enum class Kind {
    smooth, ///< label smoothing: (1 - amount) p + amount / K
    top_k,  ///< keeps the `count` largest (the lower class among equals), divides by their sum
  };
  Kind kind = Kind::smooth;
  float amount = 0;
  std::int64_t count = 0;
};

/// What `--transform` asks for, in its order. Small and plain, so that it can go to a kernel.
struct TransformChain {
  static constexpr std::size_t most = 8;

  float inverse_temperature = 1; ///< logits are multiplied by it before the softmax
  std::array<RowTransform, most> steps{};
  std::size_t size = 0;

  [[nodiscard]] bool scales_logits() const { return inverse_temperature != 1.0F; }
};

/// A change of class distributions by code of the user's, on the host.
class HostTransform {
public:
  virtual ~HostTransform() = default;
  /// @param rows float32 (count, classes), changed in place
  /// @throws Error (failed) with the code's own text
  virtual void apply(float* rows, std::int64_t count, std::int64_t classes) = 0;
};

} // namespace fod
