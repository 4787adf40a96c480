// Files that are one array: npy, IDX and IDX in gzip, known by what they hold.
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  auto const path = fuzz::put("array", input.rest());
  fuzz::taken([&] { fuzz::read_samples(*fod::open_source(path, "data")); });
  return 0;
}
