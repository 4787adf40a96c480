// The scanner, what is built on it, and files of keyword rules.
#include "fuzz.hpp"

#include "fod/json.hpp"
#include "fod/rules_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  auto const text = input.rest();
  fuzz::taken([&] {
    auto const laid_out = fod::json::canonical(text);
    fuzz::require(fod::json::canonical(laid_out) == laid_out, "canonical JSON stays as it is");
  });
  fuzz::taken([&] {
    auto const meta = fod::json::parse_meta(text);
    auto const again = fod::json::to_text(meta);
    fuzz::require(fod::json::to_text(fod::json::parse_meta(again)) == again, "meta stays as it is");
  });
  fuzz::taken([&] {
    auto const rules = fod::json::parse_rules(std::string(text), "rules.json");
    auto const again = fod::json::rules_text(rules);
    fuzz::require(fod::json::rules_text(fod::json::parse_rules(again, "again")) == again,
                  "rules stay as they are");
  });
  return 0;
}
