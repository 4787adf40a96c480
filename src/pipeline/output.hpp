#pragma once

#include "prepare.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

/// Inside of the pipeline: what the ranks write.
namespace fod {

/// The file that all ranks write together, or with --shards the one that each writes alone. What is
/// collective for a file is so for the job in both cases: if it fails on one rank, all throw.
class Output {
public:
  /// Creates the file, or opens what an earlier job left of it. A shard that is complete stays as
  /// it is; it is given its name if it only lacks that. Collective. @throws AgreedError
  Output(Prepared const& job, Comm const& comm);

  /// False if this rank's shard is complete.
  [[nodiscard]] bool is_open() const { return writer_.has_value(); }
  [[nodiscard]] store::ResultWriter& writer() { return *writer_; }
  /// The ranks that share this rank's file.
  [[nodiscard]] Comm const& sharers() const { return sharers_; }
  [[nodiscard]] bool is_shard() const { return shards_ > 0; }

  /// As the writer's, for all ranks. Collective.
  void end_pass(std::span<store::RowVisitor* const> visitors);
  void finish(store::Contents const& contents, store::Metrics const& metrics,
              std::function<void(h5::File&)> const& more);
  void suspend();

  /// "r.h5", or "r.00000-of-00008.h5 to r.00007-of-00008.h5", for messages.
  [[nodiscard]] std::string names() const;
  [[nodiscard]] std::string partial_names() const;

private:
  [[nodiscard]] std::vector<std::string> ends() const;
  void together(std::function<void()> const& step) const;

  std::string path_; ///< of --out
  std::int64_t shards_ = 0;
  Comm const& comm_;
  Comm sharers_;
  std::optional<store::ResultWriter> writer_;
};

/// True if everything that this job was to write is there. Collective.
bool all_complete(Prepared const& job, Comm const& comm);

} // namespace fod
