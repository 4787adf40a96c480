#include "output.hpp"

#include "fod/error.hpp"

namespace fod {

namespace {

bool is_complete(Prepared const& job) {
  return job.found != store::Found::nothing && job.found_complete;
}

store::ResultWriter open_writer(Prepared const& job, Comm const& sharers) {
  if (job.found == store::Found::partial) {
    return store::ResultWriter::resume(job.out, sharers);
  }
  return store::ResultWriter::create(
      job.out, job.plan.layout,
      make_contents(job.config, job.meta, job.plan, *job.inputs, job.machine, job.facts, {}),
      sharers);
}

} // namespace

Output::Output(Prepared const& job, Comm const& comm)
    : path_(job.config.out), shards_(job.config.shards ? comm.size() : 0), comm_(comm),
      sharers_(shards_ > 0 ? Comm::alone() : comm) {
  if (shards_ == 0) {
    writer_ = open_writer(job, sharers_);
    return;
  }
  try {
    comm.agree([&] {
      if (!is_complete(job)) {
        writer_ = open_writer(job, sharers_);
      } else if (job.found == store::Found::partial) {
        store::publish_complete(job.out);
      }
    });
  } catch (AgreedError const&) {
    if (writer_ && job.found == store::Found::nothing) {
      writer_.reset();
      store::discard_partial(job.out); // nothing is written unless all can
    }
    throw;
  }
}

/// Runs a step on a file that is shared by all, or the steps of all shards.
void Output::together(std::function<void()> const& step) const {
  if (shards_ == 0) {
    step();
    return;
  }
  bool unclean = false;
  try {
    comm_.agree([&] {
      try {
        if (writer_) {
          step();
        }
      } catch (UncleanError const&) {
        unclean = true;
        throw;
      }
    });
  } catch (AgreedError const& error) {
    if (comm_.all_max(unclean ? 1 : 0) > 0) {
      throw UncleanError(error);
    }
    throw;
  }
}

void Output::end_pass(std::span<store::RowVisitor* const> visitors) {
  together([&] { writer_->end_pass(visitors); });
}

void Output::finish(store::Contents const& contents, store::Metrics const& metrics,
                    std::function<void(h5::File&)> const& more) {
  together([&] { writer_->finish(contents, metrics, more); });
}

void Output::suspend() {
  together([&] { writer_->suspend(); });
}

/// The file, or the first and the last of the shards.
std::vector<std::string> Output::ends() const {
  if (shards_ == 0) {
    return {path_};
  }
  std::vector<std::string> paths{store::shard_path(path_, 0, shards_)};
  if (shards_ > 1) {
    paths.push_back(store::shard_path(path_, shards_ - 1, shards_));
  }
  return paths;
}

std::string Output::names() const {
  auto const paths = ends();
  return paths.size() == 1 ? paths[0] : paths[0] + " to " + paths[1];
}

std::string Output::partial_names() const {
  auto const paths = ends();
  auto const first = store::partial_path(paths[0]);
  return paths.size() == 1 ? first : first + " to " + store::partial_path(paths[1]);
}

bool all_complete(Prepared const& job, Comm const& comm) {
  return comm.all_min(is_complete(job) ? 1 : 0) > 0;
}

} // namespace fod
