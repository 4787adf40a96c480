#pragma once

#include "fod/dataset.hpp"
#include "fod/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What the targets share. A target is handed the bytes of a file from a stranger; it must take
/// them or refuse them by an `fod::Error`. All else is a defect: another exception, a finding of a
/// sanitizer, an allocation that the input's size does not justify, a hang.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace fuzz {

/// The bytes of one input, of which a target may take some as choices of its own.
class Input {
public:
  Input(std::uint8_t const* data, std::size_t size)
      : rest_(reinterpret_cast<char const*>(data), size) {}
  /// The next byte; 0 at the end.
  std::uint8_t choice();
  /// What is left.
  [[nodiscard]] std::string_view rest() const { return rest_; }

private:
  std::string_view rest_;
};

/// Path of a file in a folder of this process, which is removed at its end.
std::string scratch(std::string const& name);
/// Writes a file there (folders on the way are made) and gives its path.
std::string put(std::string const& name, std::string_view bytes);

/// Does it; a refusal is as good. True if it was done.
template <class Do>
bool taken(Do const& what) {
  try {
    what();
    return true;
  } catch (fod::Error const& error) {
    return error.what() == nullptr; // false: every error has a text
  }
}

/// Ends the process, which counts as a defect.
void require(bool right, char const* what);

/// Reads the first samples of a source and the last one, one by one.
void read_samples(fod::DataSource const& source);

} // namespace fuzz
