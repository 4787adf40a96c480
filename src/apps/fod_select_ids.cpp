#include "fod_select.hpp"

#include "../dataset/mapped_file.hpp"
#include "../dataset/npy_header.hpp"

#include "fod/convert.hpp"
#include "fod/error.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstring>

namespace fod::app {

namespace {

using Ids = std::vector<std::int64_t>;

constexpr char const* remedy = "give ids as `fod select --out` writes them: one per line, .npy or "
                               ".json";

[[noreturn]] void refuse(std::string const& path, std::string const& why) {
  throw bad_input("cannot read ids from " + path, why, remedy);
}

std::string_view trimmed(std::string_view text) {
  text = text.substr(0, text.find('#'));
  auto const begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

Ids from_text(std::string const& path, std::string_view text) {
  Ids ids;
  for (std::int64_t line = 1; !text.empty(); ++line) {
    auto const end = std::min(text.find('\n'), text.size());
    auto const word = trimmed(text.substr(0, end));
    std::int64_t id = 0;
    auto const [last, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (!word.empty() && (error != std::errc() || last != word.data() + word.size())) {
      refuse(path, "line " + std::to_string(line) + " is no whole number: " + quoted_part(word));
    }
    if (!word.empty()) {
      ids.push_back(id);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return ids;
}

Ids from_npy(std::string const& path, std::span<std::byte const> bytes) {
  auto const header = parse_npy_header(path, bytes);
  auto const& type = header.descr; // "<i8"
  bool const integers = type.size() == 3 && (type[1] == 'i' || type[1] == 'u') &&
                        std::string_view("1248").find(type[2]) != std::string_view::npos;
  if (!integers || type[0] == '>' || header.shape.size() != 1) {
    refuse(path, "it holds " + quoted_part(type) + " of shape " + to_string(header.shape) +
                     ", not a list of (little-endian) integers");
  }
  auto const width = static_cast<std::size_t>(type[2] - '0');
  auto const data = bytes.subspan(header.data_offset);
  auto const count = static_cast<std::size_t>(header.shape[0]);
  if (data.size() / width < count) {
    refuse(path, "it is truncated");
  }
  Ids ids(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t value = 0;
    std::memcpy(&value, data.data() + i * width, width); // fod runs on little-endian machines
    auto const unused = 64 - 8 * width;
    ids[i] = type[1] == 'i' ? static_cast<std::int64_t>(value << unused) >> unused
                            : static_cast<std::int64_t>(value);
  }
  return ids;
}

Ids from_json(std::string const& path, std::string_view text) {
  using Json = nlohmann::json;
  Json document;
  try {
    document = Json::parse(text);
  } catch (Json::exception const& error) {
    refuse(path, error.what());
  }
  if (document.is_object() && !document.contains("ids")) {
    refuse(path, "it has no \"ids\"");
  }
  auto const& list = document.is_object() ? document["ids"] : document;
  if (!list.is_array()) {
    refuse(path, "its ids are no list");
  }
  Ids ids;
  for (auto const& entry : list) {
    if (!entry.is_number_integer()) {
      refuse(path, "entry " + std::to_string(ids.size()) + " is no whole number: " +
                       quoted_part(entry.dump(-1, ' ', true, Json::error_handler_t::replace)));
    }
    ids.push_back(entry.get<std::int64_t>());
  }
  return ids;
}

} // namespace

std::vector<std::int64_t> read_ids(std::string const& path) {
  MappedFile const file(path);
  auto const bytes = file.bytes();
  std::string_view const text(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  if (text.starts_with("\x93NUMPY")) {
    return from_npy(path, bytes);
  }
  auto const first = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()), 1);
  return first == "{" || first == "[" ? from_json(path, text) : from_text(path, text);
}

std::string npy_of(std::vector<Chosen> const& chosen) {
  auto bytes = npy_header(ElementType::int64, {std::ssize(chosen)});
  for (auto const& sample : chosen) {
    bytes.append(reinterpret_cast<char const*>(&sample.id), sizeof sample.id);
  }
  return bytes;
}

} // namespace fod::app
