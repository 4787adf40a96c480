#pragma once

#include <cstddef>
#include <cstdint>

/// Inside of the kernels module.
namespace fod {

/// Hands out the parts of one allocation; without one, it only counts.
class Parts {
public:
  explicit Parts(void* start) : start_(static_cast<std::byte*>(start)) {}

  template <class T>
  T* take(std::int64_t count) {
    auto* part = reinterpret_cast<T*>(start_ == nullptr ? nullptr : start_ + bytes_);
    bytes_ += (static_cast<std::size_t>(count) * sizeof(T) + line - 1) / line * line;
    return part;
  }
  template <class T>
  void take(T*& part, std::int64_t count) {
    part = take<T>(count);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
  /// Every array starts on a line of its own, for aligned stores and copies.
  static constexpr std::size_t line = 128;

  std::byte* start_;
  std::size_t bytes_ = 0;
};

} // namespace fod
