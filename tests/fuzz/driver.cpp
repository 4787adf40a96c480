// Runs a target without libFuzzer: all files of a corpus, then seeded mutations of them.
//   fuzz_x [--seconds S] [--seed N] [--save FILE] FILE|FOLDER...
// The input that is being run is in FILE, which stays there if it ends the process.
#include "mutator.hpp"

#include "fuzz.hpp"

#include <sanitizer/common_interface_defs.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

/// Small inputs justify no more than this. C libraries are told that there is no memory, and cope;
/// a `new` of ours that asks for more ends the process. Looked up by the sanitizer's runtime.
extern "C" char const* __asan_default_options() {
  return "max_allocation_size_mb=512:allocator_may_return_null=1:hard_rss_limit_mb=3000:"
         "handle_abort=1";
}

namespace {

namespace fs = std::filesystem;

constexpr unsigned most_seconds = 8; ///< of one input
constexpr std::size_t longest_parent = 1 << 20;

std::vector<std::uint8_t> bytes_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Options {
  double seconds = 0;
  std::uint64_t seed = 1;
  std::string save = "running.input";
  std::vector<fs::path> files;
};

void add_files(fs::path const& place, std::vector<fs::path>& files) {
  if (!fs::is_directory(place)) {
    files.push_back(place);
    return;
  }
  for (auto const& entry : fs::recursive_directory_iterator(place)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string const word = argv[i];
    if (word == "--seconds") {
      options.seconds = std::strtod(argv[++i], nullptr);
    } else if (word == "--seed") {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--save") {
      options.save = argv[++i];
    } else {
      add_files(word, options.files);
    }
  }
  std::sort(options.files.begin(), options.files.end()); // one order everywhere
  return options;
}

/// A hang is a defect. What can be done of this in a handler is little, but the process ends
/// anyway.
void on_alarm(int /*signal*/) {
  __sanitizer_print_stack_trace();
  ::_exit(1);
}

void run(std::vector<std::uint8_t> const& input, std::string const& save) {
  std::ofstream(save, std::ios::binary)
      .write(reinterpret_cast<char const*>(input.data()),
             static_cast<std::streamsize>(input.size()));
  ::alarm(most_seconds);
  LLVMFuzzerTestOneInput(input.data(), input.size());
  ::alarm(0);
}

} // namespace

int main(int argc, char** argv) {
  auto const options = parse(argc, argv);
  std::signal(SIGALRM, on_alarm);
  std::vector<std::vector<std::uint8_t>> parents;
  for (auto const& file : options.files) {
    auto input = bytes_of(file);
    std::fprintf(stderr, "%s\n", file.c_str());
    run(input, options.save);
    if (input.size() <= longest_parent) {
      parents.push_back(std::move(input));
    }
  }
  fuzz::require(!parents.empty(), "the corpus has an input");
  std::fputs("mutating\n", stderr);
  fuzz::Mutator mutator(options.seed);
  std::int64_t mutations = 0;
  auto const now = [] { return std::chrono::steady_clock::now(); };
  for (auto const end = now() + std::chrono::duration<double>(options.seconds); now() < end;) {
    run(mutator.child_of(parents), options.save);
    ++mutations;
  }
  fs::remove(options.save);
  std::printf("%zu inputs, %lld mutations with seed %llu\n", options.files.size(),
              static_cast<long long>(mutations), static_cast<unsigned long long>(options.seed));
}
