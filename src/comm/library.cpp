#include "library.hpp"

#include "fod/stop.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace fod {

namespace mpi {

void check(int status, std::string const& what) {
  if (status == MPI_SUCCESS) {
    return;
  }
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(status, text.data(), &length);
  throw run_failure(what, "MPI: " + std::string(text.data(), static_cast<std::size_t>(length)));
}

void wait(MPI_Request& request, std::string const& what) {
  Backoff backoff;
  for (int done = 0;;) {
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), what);
    if (done != 0) {
      return;
    }
    backoff.pause();
  }
}

void Backoff::pause() {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds_));
  microseconds_ = std::min(2000, microseconds_ * 2);
}

} // namespace mpi

Error stopped_by(int signal, int rank, int ranks) {
  return {ExitCode::stopped,
          {"stopped by " + signal_name(signal),
           ranks > 1 ? "rank " + std::to_string(rank) + " received it" : "", ""}};
}

namespace {
constexpr char separator = '\x1f';
}

std::string encode(Error const& error) {
  auto const& message = error.message();
  std::string bytes = std::to_string(static_cast<int>(error.code()));
  for (auto const* part : {&message.problem, &message.why, &message.remedy}) {
    bytes += separator + *part;
  }
  return bytes;
}

Error decode(std::string const& bytes) {
  std::array<std::string, 4> parts;
  std::size_t begin = 0;
  for (auto& part : parts) {
    auto const end = std::min(bytes.find(separator, begin), bytes.size());
    part = bytes.substr(std::min(begin, bytes.size()), end - std::min(begin, end));
    begin = end + 1;
  }
  return {static_cast<ExitCode>(std::stoi(parts[0])), {parts[1], parts[2], parts[3]}};
}

} // namespace fod
