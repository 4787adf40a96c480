#pragma once

#include "fod/records.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace fod {

/// A number as it is stored.
struct Stored {
  std::optional<std::int64_t> whole; ///< if it is a whole number of 64 bits
  double value = 0;
};

/// The element at `at`, in native byte order.
Stored stored(ElementType type, std::byte const* at);

} // namespace fod
