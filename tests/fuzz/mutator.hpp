#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace fuzz {

/// Changes inputs at random, the same for the same seed: bits, bytes, numbers that limits are made
/// of, pieces left out, repeated, or taken from another input.
class Mutator {
public:
  using Bytes = std::vector<std::uint8_t>;

  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  Bytes child_of(std::vector<Bytes> const& parents) {
    auto child = parents[below(parents.size())];
    auto const& other = parents[below(parents.size())];
    for (auto changes = 1 + below(6); changes > 0; --changes) {
      change(child, other);
    }
    return child;
  }

private:
  /// From 0 to `limit` - 1, by the generator alone: distributions differ between libraries.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  void change(Bytes& bytes, Bytes const& other) {
    if (bytes.empty()) {
      bytes = other;
      return;
    }
    auto const at = below(bytes.size());
    auto const place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    auto const rest = bytes.size() - at;
    auto const length = static_cast<std::ptrdiff_t>(1 + below(rest < 64 ? rest : 64));
    switch (below(7)) {
    case 0:
      *place ^= static_cast<std::uint8_t>(1U << below(8));
      return;
    case 1:
      *place = static_cast<std::uint8_t>(below(256));
      return;
    case 2:
      set_number(bytes, at);
      return;
    case 3:
      bytes.erase(place, place + length);
      return;
    case 4: {
      Bytes const piece(place, place + length);
      bytes.insert(place, piece.begin(), piece.end());
      return;
    }
    case 5:
      if (!other.empty()) {
        auto const from = other.begin() + static_cast<std::ptrdiff_t>(below(other.size()));
        auto const most = other.end() - from;
        bytes.insert(place, from, from + (most < length ? most : length));
      }
      return;
    default:
      bytes.resize(below(8) == 0 ? at : bytes.size());
      return;
    }
  }

  /// A number at or near a limit, of 1, 2, 4 or 8 bytes in either order.
  void set_number(Bytes& bytes, std::size_t at) {
    constexpr std::array<std::uint64_t, 10> numbers{0,
                                                    1,
                                                    0x7f,
                                                    0xff,
                                                    0x7fff,
                                                    0xffff,
                                                    0x7fffffff,
                                                    0xffffffff,
                                                    0x7fffffffffffffff,
                                                    0xffffffffffffffff};
    auto const number = numbers[below(numbers.size())] + below(3) - 1;
    auto const width = std::size_t{1} << below(4);
    bool const big = below(2) == 0;
    for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i) {
      auto const shift = 8 * (big ? width - 1 - i : i);
      bytes[at + i] = static_cast<std::uint8_t>(number >> shift);
    }
  }

  std::mt19937_64 random_;
};

} // namespace fuzz
