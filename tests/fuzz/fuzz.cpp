#include "fuzz.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace fuzz {

namespace {

namespace fs = std::filesystem;

/// In memory where the system has a place for that: each input is written to a file.
class Folder {
public:
  Folder() {
    auto const shared = fs::path("/dev/shm");
    auto const parent = ::access(shared.c_str(), W_OK) == 0 ? shared : fs::temp_directory_path();
    auto pattern = (parent / "fod-fuzz-XXXXXX").string();
    require(::mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
    path = pattern;
  }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

} // namespace

std::uint8_t Input::choice() {
  if (rest_.empty()) {
    return 0;
  }
  auto const byte = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

std::string scratch(std::string const& name) {
  static Folder const folder;
  return (folder.path / name).string();
}

std::string put(std::string const& name, std::string_view bytes) {
  auto path = scratch(name);
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  require(file.good(), "the input can be written to a file");
  return path;
}

void require(bool right, char const* what) {
  if (!right) {
    std::fprintf(stderr, "not as it must be: %s\n", what);
    std::abort();
  }
}

void read_samples(fod::DataSource const& source) {
  constexpr std::int64_t most = 64;
  std::vector<std::byte> sample(
      source.size() > 0 ? static_cast<std::size_t>(source.field().sample_bytes()) : 0);
  auto const read = [&](std::int64_t index) {
    taken([&] { source.read({index, index + 1}, sample); });
    static_cast<void>(source.sample_name(index));
  };
  for (std::int64_t i = 0; i < std::min(most, source.size()); ++i) {
    read(i);
  }
  if (source.size() > most) {
    read(source.size() - 1);
  }
}

} // namespace fuzz
