// JPEG and PNG, as an image of a folder that is scaled or cut. Two bytes choose how.
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto const how = input.choice();
  auto const extent = std::int64_t{input.choice()} + 1;
  fod::ImageOptions options;
  options.mode = (how & 1) != 0 ? fod::ImageMode::gray : fod::ImageMode::rgb;
  options.skip_bad = (how & 2) != 0;
  if ((how & 4) != 0) {
    options.resize = fod::ImageResize{extent, {}};
  } else if ((how & 8) != 0) {
    options.resize = fod::ImageResize{0, fod::ImageSize{extent, 257 - extent}};
  }
  options.crop = (how & 16) != 0 ? extent : 0;
  fuzz::put("images/class/x.png", input.rest());
  fuzz::taken([&] {
    auto const source = fod::open_source(fuzz::scratch("images"), "data", options);
    fuzz::require(source->size() == 1, "one file is one sample");
    fuzz::read_samples(*source);
    static_cast<void>(source->unreadable({0, 1}));
  });
  return 0;
}
