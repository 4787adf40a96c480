#include "fod/group_settings.hpp"

#include "fod/error.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace fod {

namespace {

constexpr char const* layers = "--layers";
constexpr char const* method = "--group-method";
constexpr char const* threshold = "--correlation-threshold";
constexpr char const* least_size = "--min-group-size";
constexpr char const* group_count = "--n-groups";
constexpr char const* with_sign = "--signed";
constexpr char const* linkage = "--linkage";
constexpr char const* seed = "--seed";
constexpr char const* automatic = "auto";
constexpr char const* legacy = "legacy";

/// Flags that are off by default, mentioned only where they are on.
struct Flag {
  char const* name;
  bool LayerRequest::*value;
};
constexpr std::array<Flag, 4> flags{{{"--keep-activations", &LayerRequest::keep_activations},
                                     {"--keep-correlation", &LayerRequest::keep_correlation},
                                     {"--keep-moments", &LayerRequest::keep_moments},
                                     {"--group-patterns", &LayerRequest::patterns}}};
/// Texts that are empty by default.
struct Text {
  char const* name;
  std::string LayerRequest::*value;
};
constexpr std::array<Text, 4> texts{{{"--categories", &LayerRequest::categories},
                                     {"--texts", &LayerRequest::texts},
                                     {"--rules", &LayerRequest::rules},
                                     {"--loss", &LayerRequest::loss}}};

/// Settings that must be there.
class Reader {
public:
  explicit Reader(store::Settings const& settings) : settings_(settings) {}

  [[nodiscard]] std::string text(char const* name) const {
    auto const value = store::find(settings_, name);
    if (!value) {
      refuse(name, "it is missing");
    }
    return *value;
  }
  template <class Number>
  [[nodiscard]] Number number(char const* name) const {
    auto const value = text(name);
    Number parsed{};
    auto const* const end = value.data() + value.size();
    if (auto const result = std::from_chars(value.data(), end, parsed);
        result.ec != std::errc() || result.ptr != end) {
      refuse(name, "'" + value + "' is no number");
    }
    return parsed;
  }
  [[nodiscard]] bool has(char const* name) const {
    return store::find(settings_, name).has_value();
  }
  [[noreturn]] static void refuse(char const* name, std::string const& why) {
    throw bad_input("cannot read the setting " + std::string(name), why,
                    "the file is damaged: make it again, or restore it from a backup");
  }

private:
  store::Settings const& settings_;
};

groups::Method method_named(std::string const& name) {
  for (auto const one : {groups::Method::correlation_clustering, groups::Method::kmeans,
                         groups::Method::hierarchical}) {
    if (name == name_of(one)) {
      return one;
    }
  }
  Reader::refuse(method, "'" + name + "' is no method");
}

} // namespace

std::string exact(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

void put_group_settings(store::Settings& settings, LayerRequest const& asked) {
  auto const put = [&](char const* name, std::string const& value) {
    settings.emplace_back(name, value);
  };
  auto const& options = asked.options;
  put(method, asked.legacy ? legacy : std::string(name_of(options.method)));
  put(threshold, asked.auto_threshold ? automatic : exact(options.threshold));
  put(least_size, std::to_string(options.least_size));
  put(group_count, options.group_count == 0 ? automatic : std::to_string(options.group_count));
  if (!options.sign_blind) {
    put(with_sign, "yes");
  }
  put(linkage, options.linkage == groups::Linkage::ward ? "ward" : "average");
  for (auto const& flag : flags) {
    if (asked.*flag.value) {
      put(flag.name, "yes");
    }
  }
  for (auto const& text : texts) {
    if (!(asked.*text.value).empty()) {
      put(text.name, asked.*text.value);
    }
  }
}

LayerRequest group_request(store::Settings const& settings) {
  LayerRequest request;
  Reader const in(settings);
  if (auto const named = store::find(settings, layers); !named || named->empty()) {
    return request;
  }
  request.layers.push_back(in.text(layers));
  auto& options = request.options;
  request.legacy = in.text(method) == legacy;
  if (!request.legacy) {
    options.method = method_named(in.text(method));
  }
  request.auto_threshold = in.text(threshold) == automatic;
  if (!request.auto_threshold) {
    options.threshold = in.number<double>(threshold);
  }
  options.least_size = in.number<std::int64_t>(least_size);
  if (in.text(group_count) != automatic) {
    options.group_count = in.number<std::int64_t>(group_count);
  }
  options.sign_blind = !in.has(with_sign);
  options.linkage = in.text(linkage) == "ward" ? groups::Linkage::ward : groups::Linkage::average;
  options.seed = static_cast<std::uint64_t>(in.number<std::int64_t>(seed));
  for (auto const& flag : flags) {
    request.*flag.value = in.has(flag.name);
  }
  for (auto const& text : texts) {
    request.*text.value = in.has(text.name) ? in.text(text.name) : "";
  }
  return request;
}

} // namespace fod
