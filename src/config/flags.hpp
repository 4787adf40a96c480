#pragma once

#include "fod/config.hpp"

#include <charconv>
#include <functional>
#include <map>

namespace CLI {
class App;
}

/// Inside of the config module: what its files share.
namespace fod {

/// True if the whole text is a number.
template <class Number>
bool parse_number(std::string const& text, Number& value) {
  auto const* end = text.data() + text.size();
  auto const result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

/// The values of --output-mode.
std::map<std::string, OutputMode> const& output_modes();

/// What the library cannot store in LayerRequest's own types.
struct RawLayers {
  std::string method = "correlation_clustering";
  std::string threshold = "0.6";
  std::string count;
  std::string linkage = "average";
  bool with_sign = false;
  bool no_distributions = false;
  std::vector<std::string> pooling;
};

/// Shows the flags of `fod-generate` to who wants to know of them without a command line.
void with_job_flags(std::function<void(CLI::App const&)> const& use);

void add_layers(CLI::App& app, LayerRequest& request, RawLayers& raw);

/// Takes what the library read, and refuses what does not go together. @throws Error (usage)
void settle_layers(CLI::App const& app, Config& config, RawLayers const& raw);

} // namespace fod
