// The C++ half of bench_groups.py, which compares linkage and k-means with other programs in one
// run. Reads lines from stdin and answers each by the seconds that it took,
// once the result is written:
//
//   fod_bench_groups MATRIX N     MATRIX: n * n float64, correlations
//   average FILE                  writes scipy's Z, n - 1 rows of float64
//   ward FILE
//   kmeans K RESTARTS SEED FILE   writes n int32 labels; answers the inertia too

#include "groups/kmeans.hpp"
#include "groups/linkage.hpp"

#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using fod::groups::Dendrogram;
using fod::groups::MatrixView;

template <class T>
void write(std::string const& path, std::vector<T> const& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<char const*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
}

void write_merges(std::string const& path, Dendrogram const& merges) {
  std::vector<double> rows;
  for (auto const& merge : merges) {
    rows.insert(rows.end(), {static_cast<double>(merge.first), static_cast<double>(merge.second),
                             merge.height, static_cast<double>(merge.size)});
  }
  write(path, rows);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Runs one line's work on one thread.
void answer(MatrixView r, std::istringstream words) {
  std::string what;
  words >> what;
  auto const start = std::chrono::steady_clock::now();
  if (what == "kmeans") {
    std::int64_t clusters = 0;
    fod::groups::KmeansSettings settings;
    std::string path;
    words >> clusters >> settings.restarts >> settings.seed >> path;
    auto const engine = fod::groups::host_engine(r, 1);
    auto const found = fod::groups::kmeans(r, clusters, settings, *engine, 1);
    auto const seconds = seconds_since(start);
    write(path, found.labels);
    std::cout << seconds << ' ' << found.inertia << std::endl;
    return;
  }
  std::string path;
  words >> path;
  auto const merges =
      what == "ward" ? fod::groups::ward_linkage(r, 1) : fod::groups::average_linkage(r);
  auto const seconds = seconds_since(start);
  write_merges(path, merges);
  std::cout << seconds << std::endl;
}

} // namespace

int main(int argc, char** argv) {
  std::vector<std::string> const arguments(argv, argv + argc);
  if (arguments.size() != 3) {
    std::cerr << "usage: fod_bench_groups MATRIX N\n";
    return 2;
  }
  auto const n = std::stoll(arguments[2]);
  std::vector<double> values(static_cast<std::size_t>(n * n));
  std::ifstream file(arguments[1], std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(values.data()),
                 static_cast<std::streamsize>(values.size() * sizeof(double)))) {
    std::cerr << "fod_bench_groups: cannot read " << arguments[1] << '\n';
    return 2;
  }
  std::cout.precision(17);
  for (std::string line; std::getline(std::cin, line);) {
    answer({values.data(), n}, std::istringstream(line));
  }
}
