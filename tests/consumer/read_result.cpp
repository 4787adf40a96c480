// Reads a result file: how many samples and classes, the mean entropy, the rows of some ids.

#include <fod/distributions.hpp>
#include <fod/error.hpp>
#include <fod/result.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: read_result R.h5 [ID ...]\n");
    return 2;
  }
  try {
    fod::ResultReader const result(argv[1]);
    std::printf("%lld samples, %lld classes\n", static_cast<long long>(result.size()),
                static_cast<long long>(result.classes()));
    double sum = 0;
    for (auto const entropy : result.section("/uncertainty/entropy", {0, result.size()})) {
      sum += entropy;
    }
    std::printf("mean entropy %.6f\n", sum / static_cast<double>(result.size()));
    for (int i = 2; i < argc; ++i) {
      std::printf("%s:", argv[i]);
      for (auto const p : result.at(std::strtoll(argv[i], nullptr, 10))) {
        std::printf(" %.9g", static_cast<double>(p));
      }
      std::printf("\n");
    }
  } catch (fod::Error const& error) {
    std::fprintf(stderr, "read_result: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
