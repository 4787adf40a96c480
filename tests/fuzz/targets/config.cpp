// A file of flags, --config.
#include "fuzz.hpp"

#include "fod/config.hpp"

#include <array>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  auto const path = fuzz::put("job.toml", input.rest());
  std::array<char const*, 3> const words{"fod-generate", "--config", path.c_str()};
  fuzz::taken([&] {
    std::optional<fod::Answer> answer;
    auto const config =
        fod::parse_command_line(static_cast<int>(words.size()), words.data(), answer);
    for (auto const& text : config.normalize) {
      static_cast<void>(fod::parse_normalization(text));
    }
    static_cast<void>(fod::parse_arguments(config.inputs));
    static_cast<void>(fod::parse_transforms(config.transforms));
  });
  return 0;
}
