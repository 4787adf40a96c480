// The copy from which a partial file is mended. It guards itself by a checksum, which the first
// byte says whether to mend.
#include "fuzz.hpp"

#include "store/undo.hpp"

#include "fod/checksum.hpp"

#include <filesystem>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input input(data, size);
  bool const mend = input.choice() % 2 == 0;
  std::string bytes(input.rest());
  if (mend) {
    auto const digest = fod::checksum_of(bytes);
    bytes.append(reinterpret_cast<char const*>(&digest), sizeof digest);
  }
  auto const file = fuzz::put("mended", "as it was before");
  auto const undo = fuzz::put("undo", bytes);
  fuzz::taken([&] { fod::store::restore_undo(file, undo); });
  std::filesystem::remove(file); // it may have become a large one with holes
  return 0;
}
