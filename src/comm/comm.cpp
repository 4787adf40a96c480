#include "library.hpp"

#include "fod/large_bytes.hpp"
#include "fod/stop.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <unistd.h>
#include <utility>

namespace fod {

namespace {

/// MPI counts are ints: longer messages go in pieces.
constexpr std::size_t largest_message = std::size_t{1} << 30;

/// Numbers that one reduction takes: MPI keeps a copy of them.
constexpr std::size_t most_numbers = std::size_t{1} << 24;

/// Reduces `values` over ranks in place, piece by piece.
template <class T>
void reduce_pieces(MPI_Comm handle, std::span<T> values, MPI_Datatype type, MPI_Op operation) {
  for (std::size_t begin = 0; begin < values.size(); begin += most_numbers) {
    auto const count = static_cast<int>(std::min(most_numbers, values.size() - begin));
    MPI_Request request = MPI_REQUEST_NULL;
    mpi::check(MPI_Iallreduce(MPI_IN_PLACE, values.data() + begin, count, type, operation, handle,
                              &request),
               "reduction failed");
    mpi::wait(request, "reduction failed");
  }
}

/// What `step` threw, encoded; empty if nothing.
std::string failure_of(std::function<void()> const& step) {
  try {
    step();
  } catch (Error const& error) {
    return encode(error);
  } catch (std::exception const& error) {
    return encode(run_failure(error.what()));
  }
  return {};
}

} // namespace

Comm::Impl::Impl(MPI_Comm parent) {
  mpi::check(MPI_Comm_dup(parent, &handle), "cannot duplicate the communicator");
  MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN);
  MPI_Comm_rank(handle, &rank);
  MPI_Comm_size(handle, &size);
  MPI_Comm node = MPI_COMM_NULL;
  mpi::check(MPI_Comm_split_type(handle, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node),
             "cannot find the ranks of this node");
  MPI_Comm_rank(node, &local_rank);
  MPI_Comm_size(node, &local_size);
  MPI_Comm_free(&node);
}

Comm::Impl::~Impl() {
  if (handle != MPI_COMM_NULL) {
    MPI_Comm_free(&handle);
  }
}

Comm::Comm(std::shared_ptr<Impl const> impl) : impl_(std::move(impl)) {}

Comm Comm::world() {
  return Comm(std::make_shared<Impl const>(MPI_COMM_WORLD));
}
Comm Comm::alone() {
  return Comm(std::make_shared<Impl const>());
}

int Comm::rank() const {
  return impl_->rank;
}
int Comm::size() const {
  return impl_->size;
}
int Comm::local_rank() const {
  return impl_->local_rank;
}
int Comm::local_size() const {
  return impl_->local_size;
}

void Comm::barrier() const {
  if (size() == 1) {
    return;
  }
  MPI_Request request = MPI_REQUEST_NULL;
  mpi::check(MPI_Ibarrier(impl_->handle, &request), "barrier failed");
  mpi::wait(request, "barrier failed");
}

std::string Comm::broadcast(std::string bytes, int root) const {
  if (size() == 1) {
    return bytes;
  }
  auto const send = [&](void* data, std::size_t count) {
    MPI_Request request = MPI_REQUEST_NULL;
    mpi::check(MPI_Ibcast(data, static_cast<int>(count), MPI_BYTE, root, impl_->handle, &request),
               "broadcast failed");
    mpi::wait(request, "broadcast failed");
  };
  auto length = static_cast<std::uint64_t>(bytes.size());
  send(&length, sizeof length);
  if (rank() != root) {
    bytes = large_bytes(length);
  }
  for (std::size_t begin = 0; begin < bytes.size(); begin += largest_message) {
    send(bytes.data() + begin, std::min(largest_message, bytes.size() - begin));
  }
  return bytes;
}

std::vector<std::string> Comm::all_gather(std::string const& bytes) const {
  if (size() == 1) {
    return {bytes};
  }
  MPI_Request request = MPI_REQUEST_NULL;
  std::vector<int> lengths(static_cast<std::size_t>(size()));
  auto const length = static_cast<int>(bytes.size());
  mpi::check(
      MPI_Iallgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, impl_->handle, &request),
      "gathering failed");
  mpi::wait(request, "gathering failed");
  std::vector<int> begins(lengths.size() + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), begins.begin() + 1);
  std::string all(static_cast<std::size_t>(begins.back()), '\0');
  mpi::check(MPI_Iallgatherv(bytes.data(), length, MPI_BYTE, all.data(), lengths.data(),
                             begins.data(), MPI_BYTE, impl_->handle, &request),
             "gathering failed");
  mpi::wait(request, "gathering failed");
  std::vector<std::string> parts;
  for (std::size_t rank = 0; rank < lengths.size(); ++rank) {
    parts.push_back(all.substr(static_cast<std::size_t>(begins[rank]),
                               static_cast<std::size_t>(lengths[rank])));
  }
  return parts;
}

void Comm::all_sum(std::span<std::uint64_t> values) const {
  if (size() > 1) {
    reduce_pieces(impl_->handle, values, MPI_UINT64_T, MPI_SUM);
  }
}

void Comm::all_max(std::span<float> values) const {
  if (size() > 1) {
    reduce_pieces(impl_->handle, values, MPI_FLOAT, MPI_MAX);
  }
}

double Comm::all_max(double value) const {
  if (size() > 1) {
    reduce_pieces(impl_->handle, std::span(&value, 1), MPI_DOUBLE, MPI_MAX);
  }
  return value;
}

double Comm::all_min(double value) const {
  return -all_max(-value);
}

void Comm::on_root(std::function<void()> const& step) const {
  auto const failure = broadcast(is_root() ? failure_of(step) : std::string());
  if (!failure.empty()) {
    throw AgreedError(decode(failure));
  }
}

void Comm::agree(std::function<void()> const& step) const {
  auto const failure = failure_of(step);
  std::array<std::uint64_t, 1> failed{failure.empty() ? 0U : 1U};
  all_sum(failed);
  if (failed[0] == 0) {
    return;
  }
  auto const first = static_cast<int>(all_min(failure.empty() ? size() : rank()));
  auto const error = decode(broadcast(failure, first));
  if (failed[0] == static_cast<std::uint64_t>(size())) {
    throw AgreedError(error);
  }
  throw AgreedError(
      error.within("rank " + std::to_string(first) + " of " + std::to_string(size())));
}

void Comm::require_no_stop(std::string const& remedy) const {
  catch_stop_signals(); // foreign code may have put its own handlers in place
  // The lowest rank and its signal in one number.
  constexpr int signals = 256;
  auto const found =
      all_max(stop_signal() == 0 ? 0.0 : (size() - rank()) * signals + stop_signal());
  if (found > 0) {
    auto const word = static_cast<std::int64_t>(found);
    auto const rank = size() - static_cast<int>(word / signals);
    auto message = stopped_by(static_cast<int>(word % signals), rank, size()).message();
    message.remedy = remedy;
    throw AgreedError(Error(ExitCode::stopped, message));
  }
}

void Comm::advise(std::string remedy) const {
  std::lock_guard const lock(impl_->activity->mutex);
  impl_->activity->advice = std::move(remedy);
}

void Comm::abort(ExitCode code) const {
  // MPI itself may be what hangs.
  std::thread([code] {
    std::this_thread::sleep_for(std::chrono::seconds(5));
    ::_exit(static_cast<int>(code));
  }).detach();
  if (impl_->handle != MPI_COMM_NULL) {
    MPI_Abort(impl_->handle, static_cast<int>(code));
  }
  std::_Exit(static_cast<int>(code));
}

} // namespace fod
