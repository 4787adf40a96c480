#include "fod/checksum.hpp"

#include <xxhash.h>

namespace fod {

struct Checksum::State {
  XXH3_state_t* state = XXH3_createState();
  State() { XXH3_64bits_reset(state); }
  State(State const&) = delete;
  State& operator=(State const&) = delete;
  ~State() { XXH3_freeState(state); }
};

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::Checksum(Checksum&&) noexcept = default;
Checksum& Checksum::operator=(Checksum&&) noexcept = default;
Checksum::~Checksum() = default;

void Checksum::update(void const* data, std::size_t bytes) {
  XXH3_64bits_update(state_->state, data, bytes);
}
std::uint64_t Checksum::digest() const {
  return XXH3_64bits_digest(state_->state);
}

std::uint64_t checksum_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string checksum_text(std::uint64_t digest) {
  constexpr char const* digits = "0123456789abcdef";
  std::string text = "xxh3:";
  for (int shift = 60; shift >= 0; shift -= 4) {
    text += digits[(digest >> static_cast<unsigned>(shift)) & 15U];
  }
  return text;
}

} // namespace fod
