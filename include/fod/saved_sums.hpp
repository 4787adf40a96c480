#pragma once

#include "fod/h5.hpp"
#include "fod/shard.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// Sums over samples, which the rows of a partial file do not tell, kept beside it in the folder
/// `R.h5.partial.state`: a file per rank, each replaced in one step by its next state, so that an
/// end at any moment leaves the one before.
namespace fod::store {

/// Blocks, as runs.
using BlockRuns = std::vector<IndexRange>;
/// @param blocks ascending
BlockRuns runs_of(std::vector<std::int64_t> const& blocks);

/// The sums of one kind ("moments", "events") of an output.
///
/// Jobs that go on after one another number their files by generations: the first one has 0. A
/// later one joins what it found into one file, the base of its own generation, before anything
/// else; from then on earlier generations are void.
class SavedSums {
public:
  /// Writes or reads what belongs to the blocks.
  using Body = std::function<void(h5::File&)>;

  /// @param path of the result
  /// @param creation of it, so that files of another output of that name are not taken for its own
  SavedSums(std::string const& path, std::string kind, std::string creation);

  /// What earlier jobs left, for rank 0. Files that cannot be read are left out, so that their
  /// blocks are done again.
  /// @param take reads the sums of one file; throws if they are damaged, and has then taken nothing
  /// @return the blocks that the files cover which were taken
  BlockRuns load(std::function<void(h5::File const&)> const& take);
  /// Begins the next generation with the sums of these blocks; rank 0 alone, after `load`.
  void write_base(BlockRuns const& blocks, Body const& body);

  /// Generation of this job.
  [[nodiscard]] std::int64_t generation() const { return generation_; }
  void set_generation(std::int64_t generation) { generation_ = generation; }
  /// Path of the base; empty in generation 0, which has none.
  [[nodiscard]] std::string base_path() const;
  /// Saves the sums of a rank over the blocks that it has done.
  void save(int rank, BlockRuns const& blocks, Body const& body) const;

private:
  [[nodiscard]] std::string path_of(std::string const& part) const;
  void write(std::string const& part, BlockRuns const& blocks, Body const& body) const;

  std::string folder_;
  std::string kind_;
  std::string creation_;
  std::int64_t generation_ = 0;
};

} // namespace fod::store
