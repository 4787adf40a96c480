#include "model/archive.hpp"

#include "fod/error.hpp"

#include <catch2/catch.hpp>

namespace {

using Catch::Matchers::Contains;

std::string little_endian(std::uint64_t value, std::size_t size) {
  std::string digits;
  for (std::size_t i = 0; i < size; ++i) {
    digits += static_cast<char>(value & 0xFFU);
    value >>= 8U;
  }
  return digits;
}

/// A stored zip by the format's description, with 64-bit sizes in the directory if asked for.
std::string zip_of(std::vector<std::pair<std::string, std::string>> const& files, bool wide) {
  std::string body;
  std::string directory;
  for (auto const& [name, content] : files) {
    auto const size = content.size();
    auto const at = body.size();
    auto const common = little_endian(20, 2) + little_endian(0, 2) + little_endian(0, 2) +
                        little_endian(0, 4) + little_endian(0xABCD, 4);
    body += "PK\x03\x04" + common + little_endian(size, 4) + little_endian(size, 4) +
            little_endian(name.size(), 2) + little_endian(3, 2) + name + "pad" + content;
    auto const extra = wide ? little_endian(1, 2) + little_endian(24, 2) + little_endian(size, 8) +
                                  little_endian(size, 8) + little_endian(at, 8)
                            : std::string();
    auto const shown = [&](std::uint64_t value) {
      return little_endian(wide ? 0xFFFFFFFF : value, 4);
    };
    directory += "PK\x01\x02" + little_endian(20, 2) + common + shown(size) + shown(size) +
                 little_endian(name.size(), 2) + little_endian(extra.size(), 2) +
                 little_endian(0, 2) + little_endian(0, 8) + shown(at) + name + extra;
  }
  auto const at = body.size();
  auto const count = files.size();
  auto all = body + directory;
  if (wide) {
    auto const end = all.size();
    all += "PK\x06\x06" + little_endian(44, 8) + little_endian(0, 12) + little_endian(count, 8) +
           little_endian(count, 8) + little_endian(directory.size(), 8) + little_endian(at, 8);
    all += "PK\x06\x07" + little_endian(0, 4) + little_endian(end, 8) + little_endian(1, 4);
  }
  return all + "PK\x05\x06" + little_endian(0, 4) + little_endian(wide ? 0xFFFF : count, 2) +
         little_endian(wide ? 0xFFFF : count, 2) + little_endian(directory.size(), 4) +
         little_endian(wide ? 0xFFFFFFFF : at, 4) + little_endian(0, 2);
}

} // namespace

TEST_CASE("records of an archive are found, whatever they hold", "[archive]") {
  auto const inner = zip_of({{"x", "y"}}, false); // models can hold whole zips
  for (auto const wide : {false, true}) {
    auto const bytes = zip_of({{"m/one", "1"}, {"m/empty", ""}, {"m/inner.pt", inner}}, wide);
    auto const records = fod::read_archive("m.pt", bytes);
    REQUIRE(records.size() == 3);
    CHECK(records[0].name == "m/one");
    CHECK(records[0].bytes == "1");
    CHECK(records[0].crc == 0xABCD);
    CHECK_FALSE(records[0].is_compressed);
    CHECK(records[1].bytes.empty());
    CHECK(records[2].bytes == inner);
  }
}

TEST_CASE("a cut archive is refused at every length", "[archive]") {
  auto const inner = zip_of({{"x", "y"}}, false);
  for (auto const wide : {false, true}) {
    auto const bytes = zip_of({{"m/inner.pt", inner}, {"m/last", "the end"}}, wide);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      auto const part = bytes.substr(0, length);
      // Cut right behind an inner zip's end, it looks whole; its directory then leads nowhere.
      CHECK_THROWS_AS(fod::read_archive("m.pt", part), fod::Error);
    }
    CHECK_THROWS_WITH(fod::read_archive("m.pt", bytes.substr(0, bytes.size() - 1)),
                      Contains("m.pt") && Contains("truncated"));
  }
}

TEST_CASE("a changed byte never leads outside of the archive", "[archive]") {
  for (auto const wide : {false, true}) {
    auto const bytes = zip_of({{"m/one", "first"}, {"m/two", "second"}}, wide);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (auto const flip : {0x01, 0x80, 0xFF}) {
        auto changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        try {
          for (auto const& record : fod::read_archive("m.pt", changed)) {
            auto const begin = static_cast<std::size_t>(record.bytes.data() - changed.data());
            CHECK((record.bytes.empty() || begin + record.bytes.size() <= changed.size()));
          }
        } catch (fod::Error const& error) {
          CHECK(error.code() == fod::ExitCode::usage);
        }
      }
    }
  }
}
