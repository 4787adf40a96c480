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

std::string how_to_go_on(Config const& config) {
  return "progress is kept in " + store::partial_path(config.out) +
         "; start the same command with --resume to go on";
}

void work_together(Prepared const& job, store::ResultWriter& writer, Comm const& comm,
                   std::function<void(Shift&)> const& work) {
  comm.require_no_stop(how_to_go_on(job.config));
  ControlChannel channel(comm);
  Progress progress(job.plan.samples(), job.config.progress);
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
    writer.suspend();
    auto message = failure->message();
    message.remedy += (message.remedy.empty() ? "" : "; ") +
                      (failure->code() == ExitCode::stopped
                           ? how_to_go_on(job.config)
                           : "progress is kept in " + store::partial_path(job.config.out));
    throw AgreedError(Error(failure->code(), message));
  }
}

} // namespace fod
