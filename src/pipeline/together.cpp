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

std::string how_to_go_on(Output const& output) {
  return "progress is kept in " + output.partial_names() +
         "; start the same command with --resume to go on";
}

Error with_progress(Error const& error, Output const& output) {
  auto message = error.message();
  bool const said = message.remedy.find("--resume") != std::string::npos ||
                    message.remedy.find("--overwrite") != std::string::npos;
  auto const kept = "progress is kept in " + output.partial_names();
  if (message.remedy.find(kept) == std::string::npos) {
    message.remedy += (message.remedy.empty() ? "" : "; ") + (said ? kept : how_to_go_on(output));
  }
  return {error.code(), message};
}

void work_together(Prepared const& job, std::int64_t samples, Output& output, Comm const& comm,
                   std::function<void(Shift&)> const& work) {
  comm.require_no_stop(how_to_go_on(output));
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
    auto const error = with_progress(*failure, output);
    if (failure->code() != ExitCode::stopped && comm.size() > 1) {
      if (output.is_open()) {
        output.writer().abandon();
      }
      throw UncleanError(error);
    }
    output.suspend();
    throw AgreedError(error);
  }
}

} // namespace fod
