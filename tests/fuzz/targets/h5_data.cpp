// HDF5 files of anybody's as data, and as texts, categories and numbers of samples.
#include "fuzz.hpp"

#include "fod/h5.hpp"
#include "fod/sample_columns.hpp"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  auto const path = fuzz::put("data.h5", input.rest());
  fuzz::taken([&] { static_cast<void>(fod::open_source(path, "data")); }); // says what is inside
  std::vector<std::string> names;
  fuzz::taken([&] { names = fod::h5::File::open(path).members("/"); });
  constexpr std::size_t most = 32;
  names.resize(std::min(names.size(), most));
  for (auto const& name : names) {
    auto const spec = path + ":/" + name;
    std::int64_t samples = 8;
    fuzz::taken([&] {
      auto const source = fod::open_source(spec, "data");
      samples = source->size();
      fuzz::read_samples(*source);
    });
    if (samples <= 256) {
      fuzz::taken([&] { static_cast<void>(fod::SampleTexts(spec, samples).read({0, samples})); });
      fuzz::taken([&] {
        static_cast<void>(fod::SampleCategories(spec, samples).read({0, samples}));
      });
    }
  }
  return 0;
}
