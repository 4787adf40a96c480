#pragma once

#include "fod/shard.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fod {

/// Type of one number, in memory and in files.
enum class ElementType {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float16,
  bfloat16,
  float32,
  float64
};

/// Size of one element in bytes.
std::size_t size_of(ElementType type);
/// NumPy's name of the type, "float32".
std::string_view name_of(ElementType type);
/// The type with that name. @throws Error (usage) for a name that is none
ElementType element_type(std::string_view name);
bool is_floating(ElementType type);

/// Extents, outermost first.
using Shape = std::vector<std::int64_t>;

/// Number of elements, 1 for a scalar. @throws Error (usage) if it overflows 63 bits
std::int64_t element_count(Shape const& shape);
/// As Python prints a tuple: "(64, 1, 8, 8)", "(5,)", "()".
std::string to_string(Shape const& shape);
/// `shape` with `extent` put before it.
Shape with_leading(std::int64_t extent, Shape const& shape);

/// One named input of the model: what a single sample of it looks like.
struct FieldSpec {
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape; ///< of one sample, without the batch dimension

  [[nodiscard]] std::int64_t sample_bytes() const {
    return element_count(shape) * static_cast<std::int64_t>(size_of(type));
  }
};

/// A dense, row-major array in memory that is owned elsewhere.
struct ArrayView {
  void* data = nullptr;
  ElementType type = ElementType::float32;
  Shape shape;
  int gpu = -1; ///< index of the CUDA device that holds it; -1: host memory
};

/// An array with what keeps it alive.
struct Array {
  ArrayView view;
  std::shared_ptr<void const> owner;
};

/// How many inputs a callable takes.
struct Arity {
  std::int64_t least = 0;
  std::int64_t most = -1; ///< negative: not limited, or not known
  std::string names;      ///< of its parameters, "x, mask"; empty if not known
};

/// Class with the most votes of counts per class, the lowest among equals; -1 without a vote.
std::int64_t majority(std::span<std::int64_t const> counts);

/// What a model's output stands for.
enum class OutputMode {
  automatic,
  logits,
  probs,
  sigmoid, ///< one logit per sample, of class 1
  positive ///< one probability per sample, of class 1
};
/// True for the modes of two classes with one number per sample.
constexpr bool is_binary(OutputMode mode) {
  return mode == OutputMode::sigmoid || mode == OutputMode::positive;
}
std::string_view name_of(OutputMode mode);

/// Numerical precision of the forward pass.
enum class Precision { fp32, tf32, bf16, fp16 };
std::string_view name_of(Precision precision);

/// What `/row_status` says of a row.
enum class RowStatus : std::uint8_t { good = 0, nonfinite = 1, unreadable = 2 };

} // namespace fod
