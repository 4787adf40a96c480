// Texts, categories and numbers of samples. Two bytes choose the ending and the number of samples.
#include "fuzz.hpp"

#include "fod/sample_columns.hpp"

#include <array>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input input(data, size);
  constexpr std::array<char const*, 4> endings{".csv", ".tsv", ".txt", ".npy"};
  auto const how = input.choice();
  std::int64_t const samples = input.choice();
  auto const path = fuzz::put("column" + std::string(endings[how % 4]), input.rest());
  auto const spec = path + ((how & 4) != 0 ? ":b" : "");
  auto const half = fod::IndexRange{samples / 2, samples};
  fuzz::taken([&] {
    fod::SampleTexts const texts(spec, samples);
    static_cast<void>(texts.read({0, samples}));
    static_cast<void>(texts.read(half));
  });
  fuzz::taken([&] {
    fod::SampleCategories const categories(spec, samples);
    for (auto const index : categories.read(half)) {
      fuzz::require(index >= -1 && index < std::ssize(categories.names()), "an index of a name");
    }
  });
  fuzz::taken([&] {
    std::vector<double> values(static_cast<std::size_t>(half.size()));
    fod::SampleNumbers(spec, samples).read(half, values);
  });
  return 0;
}
