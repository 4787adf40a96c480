#include "fod/store.hpp"

#include "disk.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>

namespace fod::store {

namespace {

/// Digits of each number in a shard's name, more where they do not suffice.
constexpr std::size_t digits = 5;

struct Parts {
  std::string stem;   ///< "R" of "folder/R.h5"
  std::string ending; ///< ".h5"
};

Parts parts_of(std::string const& path) {
  std::filesystem::path const name(path);
  return {name.stem().string(), name.extension().string()};
}

/// Takes a number of five digits at least from the front of `text`; -1 if there is none.
std::int64_t take_number(std::string_view& text) {
  std::int64_t number = -1;
  auto const result = std::from_chars(text.data(), text.data() + text.size(), number);
  auto const length = static_cast<std::size_t>(result.ptr - text.data());
  if (result.ec != std::errc() || length < digits || text[0] == '-') {
    return -1;
  }
  text.remove_prefix(length);
  return number;
}

/// Of "R.00000-of-00008.h5" and of what lies beside it (".partial", ".lock") the 8; else -1.
std::int64_t shards_in(std::string_view name, Parts const& parts) {
  constexpr std::string_view between = "-of-";
  if (!name.starts_with(parts.stem + ".")) {
    return -1;
  }
  name.remove_prefix(parts.stem.size() + 1);
  if (take_number(name) < 0 || !name.starts_with(between)) {
    return -1;
  }
  name.remove_prefix(between.size());
  auto const shards = take_number(name);
  return name.starts_with(parts.ending) ? shards : -1;
}

} // namespace

std::string shard_path(std::string const& path, std::int64_t shard, std::int64_t shards) {
  auto const [stem, ending] = parts_of(path);
  std::array<char, 64> numbers{};
  std::snprintf(numbers.data(), numbers.size(), ".%05lld-of-%05lld", static_cast<long long>(shard),
                static_cast<long long>(shards));
  return (std::filesystem::path(path).parent_path() / (stem + numbers.data() + ending)).string();
}

std::vector<std::string> other_shards(std::string const& path, std::int64_t shards) {
  auto const parts = parts_of(path);
  std::vector<std::string> found;
  for (auto const& name : files_in(folder_of(path))) {
    auto const there = shards_in(name, parts);
    if (there >= 0 && there != shards) {
      found.push_back(name);
    }
  }
  return found;
}

} // namespace fod::store
