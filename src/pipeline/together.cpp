#include "together.hpp"

#include "fod/error.hpp"

namespace fod {

namespace {

/// An error of the loop, whatever it was: progress is kept, so the code is that of a failed run.
Error loop_error(std::exception const& error) {
  auto const* ours = dynamic_cast<Error const*>(&error);
  return ours == nullptr ? run_failure("unexpected failure", error.what())
                         : Error(ExitCode::failed, ours->message());
}

} // namespace

void work_together(Prepared const& job, std::int64_t samples, Output& output, Comm const& comm,
                   std::function<void(Shift&)> const& work) {
  ControlChannel channel(comm);
  Progress progress("fod-generate", samples, job.config.progress);
  Shift shift(channel, comm.is_root() ? &progress : nullptr);
  // A rank that fails here must not leave: the others learn of it, and all end together.
  try {
    work(shift);
    channel.finish(shift.done());
  } catch (std::exception const& error) {
    channel.fail(loop_error(error));
  }
  auto const failure = channel.settle([&] { progress.show(channel.total_done()); });
  if (comm.is_root()) {
    progress.end(channel.total_done());
  }
  if (failure) {
    output.suspend();
    auto message = failure->message();
    message.remedy +=
        (message.remedy.empty() ? "" : "; ") + ("progress is kept in " + output.partial_names());
    throw AgreedError(Error(failure->code(), message));
  }
}

} // namespace fod
