#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fod {

/// xxh3 (64 bit) of bytes given piece by piece.
class Checksum {
public:
  Checksum();
  Checksum(Checksum&&) noexcept;
  Checksum& operator=(Checksum&&) noexcept;
  Checksum(Checksum const&) = delete;
  Checksum& operator=(Checksum const&) = delete;
  ~Checksum();
  void update(void const* data, std::size_t bytes);
  [[nodiscard]] std::uint64_t digest() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

std::uint64_t checksum_of(std::string_view bytes);

/// "xxh3:0123456789abcdef".
std::string checksum_text(std::uint64_t digest);

} // namespace fod
