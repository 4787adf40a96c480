#include "fod/records.hpp"

#include "fod/activations.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>

namespace fod {

namespace {

struct TypeRow {
  ElementType type;
  std::string_view name;
  std::size_t size;
  bool floating;
};

constexpr std::array<TypeRow, 13> type_table{{
    {ElementType::boolean, "bool", 1, false},
    {ElementType::int8, "int8", 1, false},
    {ElementType::int16, "int16", 2, false},
    {ElementType::int32, "int32", 4, false},
    {ElementType::int64, "int64", 8, false},
    {ElementType::uint8, "uint8", 1, false},
    {ElementType::uint16, "uint16", 2, false},
    {ElementType::uint32, "uint32", 4, false},
    {ElementType::uint64, "uint64", 8, false},
    {ElementType::float16, "float16", 2, true},
    {ElementType::bfloat16, "bfloat16", 2, true},
    {ElementType::float32, "float32", 4, true},
    {ElementType::float64, "float64", 8, true},
}};

constexpr bool rows_follow_enum() {
  for (std::size_t i = 0; i < type_table.size(); ++i) {
    if (static_cast<std::size_t>(type_table[i].type) != i) {
      return false;
    }
  }
  return true;
}
static_assert(rows_follow_enum());

TypeRow const& row_of(ElementType type) {
  return type_table[static_cast<std::size_t>(type)];
}

} // namespace

std::size_t size_of(ElementType type) {
  return row_of(type).size;
}
std::string_view name_of(ElementType type) {
  return row_of(type).name;
}
bool is_floating(ElementType type) {
  return row_of(type).floating;
}

ElementType element_type(std::string_view name) {
  for (auto const& row : type_table) {
    if (row.name == name) {
      return row.type;
    }
  }
  throw bad_input("unknown element type '" + std::string(name) + "'");
}

std::int64_t element_count(Shape const& shape) {
  std::int64_t count = 1;
  for (auto const extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) {
      throw bad_input("shape " + to_string(shape) + " has no size that fits 63 bits");
    }
  }
  return count;
}

std::string to_string(Shape const& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

Shape with_leading(std::int64_t extent, Shape const& shape) {
  Shape full{extent};
  full.insert(full.end(), shape.begin(), shape.end());
  return full;
}

std::string_view name_of(OutputMode mode) {
  constexpr std::array<std::string_view, 5> names{"auto", "logits", "probs", "sigmoid", "positive"};
  return names[static_cast<std::size_t>(mode)];
}

std::string_view name_of(Pooling pooling) {
  switch (pooling) {
  case Pooling::mean:
    return "mean";
  case Pooling::max:
    return "max";
  case Pooling::none:
    break;
  }
  return "none";
}

std::string_view name_of(Precision precision) {
  constexpr std::array<std::string_view, 4> names{"fp32", "tf32", "bf16", "fp16"};
  return names[static_cast<std::size_t>(precision)];
}

std::int64_t majority(std::span<std::int64_t const> counts) {
  auto const most = std::max_element(counts.begin(), counts.end());
  return most == counts.end() || *most == 0 ? -1 : most - counts.begin();
}

} // namespace fod
