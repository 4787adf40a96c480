// CIFAR's binary files: the first byte says of which of the two.
#include "fuzz.hpp"

#include <array>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto const scheme = std::string(input.choice() % 2 == 0 ? "cifar10:" : "cifar100:");
  auto const path = scheme + fuzz::put("cifar.bin", input.rest());
  fuzz::taken([&] {
    auto const source = fod::open_source(path, "data");
    fuzz::read_samples(*source);
    std::vector<std::int64_t> labels(static_cast<std::size_t>(source->size()));
    fod::Labels(path, source->size()).read({0, source->size()}, labels);
  });
  return 0;
}
