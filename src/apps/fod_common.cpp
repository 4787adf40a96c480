#include "fod.hpp"

#include <cstdio>

namespace fod::app {

void print(std::string const& text) {
  bool const taken = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!taken || std::fflush(stdout) != 0) {
    throw run_failure("cannot write to standard output", errno_text());
  }
}

} // namespace fod::app
