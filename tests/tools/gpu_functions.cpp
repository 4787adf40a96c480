#include "device/libraries.hpp"

#include <exception>
#include <iostream>

/// Loads what a GPU needs, as a job that binds one does, and looks up the functions that are named;
/// a machine without a GPU can do that much.
///
///     fod_gpu_functions NAME...      exit 0, or 1 and the reason
int main(int argc, char** argv) {
  try {
    for (int i = 1; i < argc; ++i) {
      fod::cuda::function<void()>(argv[i]);
    }
  } catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
