#pragma once

#include "fod/comm.hpp"
#include "fod/h5.hpp"
#include "fod/records.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// The result file: its schema (version 1) and how it stays safe.
namespace fod::store {

inline constexpr std::int64_t schema_version = 1;

/// Activations of a layer that are kept.
struct KeptLayer {
  std::string name;
  std::int64_t neurons = 0;
};

/// Name under which a file is written until it is complete.
std::string partial_path(std::string const& path);
/// Folder beside it for what the rows do not tell.
std::string state_path(std::string const& path);

/// All that fixes the objects of a result file.
struct Layout {
  BlockGrid grid;    ///< over the whole dataset
  IndexRange blocks; ///< of the grid that this file holds
  std::int64_t classes = 0;
  bool distributions = true; ///< false: the model is no classifier, and there are groups alone
  ElementType distribution_type = ElementType::float32; ///< float64 only in imported files
  bool labels = false;
  std::int64_t label_counts = 0; ///< labels are counts over so many classes; 0: class indices
  std::int64_t members = 1;      ///< of the ensemble; more than one adds its uncertainties
  bool keep_members = false;     ///< /members (N, members, classes)
  bool keep_logits = false;      ///< /logits (N, classes), or (N, members, classes)
  bool uncertainty = true;       ///< /uncertainty/{entropy,confidence,prediction}
  double sum_tolerance = 1e-4;   ///< how far a row's sum may be from 1
  bool explicit_ids = false; ///< ids come from an imported file instead of being the row's index
  std::vector<KeptLayer> activations; ///< `/activations/<layer>` (N, neurons)
  std::int64_t shard = 0;             ///< number of the rank that wrote the file alone
  std::int64_t shards = 0;            ///< of how many; 0: it is no shard

  /// Global ids of the samples in the file.
  [[nodiscard]] IndexRange samples() const { return grid.samples_of(blocks); }
  /// True if other files hold other samples of the dataset: then this one has the moments of its
  /// layers, from which groups are found when all are merged.
  [[nodiscard]] bool is_part() const {
    return shards > 0 || blocks != IndexRange{0, grid.block_count()};
  }
  [[nodiscard]] bool is_shard() const { return shards > 0; }
};

/// Path of a rank's file of `--shards`: "R.00000-of-00008.h5" for "R.h5".
std::string shard_path(std::string const& path, std::int64_t shard, std::int64_t shards);
/// Files of another number of shards, whatever they hold, that lie beside those of `path`.
std::vector<std::string> other_shards(std::string const& path, std::int64_t shards);

/// A dataset with one row per sample, guarded by a checksum per block in /ledger.
struct Section {
  std::string path;
  ElementType type = ElementType::float32;
  Shape row; ///< extents of one row; empty for one number
  [[nodiscard]] std::int64_t row_bytes() const {
    return std::max<std::int64_t>(1, element_count(row)) * static_cast<std::int64_t>(size_of(type));
  }
};

/// The sections of a file with this layout, in the order of the ledger's columns.
std::vector<Section> sections(Layout const& layout);

/// Sections that are marked and guarded together, in the order of their checksums' columns.
struct Ledger {
  std::string path; ///< of its group: "/ledger", or "/ledger/second" for what a second pass writes
  std::vector<Section> sections;
};
Ledger first_ledger(Layout const& layout);
/// What a second pass over the data adds.
Ledger second_ledger(std::vector<Section> sections);

/// The job's figures over all samples, attributes of /metrics.
struct Metrics {
  std::map<std::string, double> values;
  std::vector<std::int64_t> class_counts;   ///< predictions per class
  std::vector<std::int64_t> label_counts{}; ///< labels per class; empty without any
  /// Lower and upper edge, samples, mean confidence and accuracy of each bin; empty without labels.
  std::vector<std::array<double, 5>> reliability{};
};

/// Reads result files, complete or partial. Random access; memory as the caller's ranges ask.
class ResultReader {
public:
  /// @throws Error (usage) if it is no result file or of a newer schema
  explicit ResultReader(std::string const& path);

  [[nodiscard]] std::string const& path() const { return file_.path(); }
  [[nodiscard]] h5::File const& file() const { return file_; }
  /// True iff the attribute `complete` is set.
  [[nodiscard]] bool complete() const { return complete_; }
  /// As `ResultWriter::creation`; empty in files that were imported.
  [[nodiscard]] std::string creation() const;
  [[nodiscard]] Layout const& layout() const { return layout_; }
  [[nodiscard]] std::int64_t rows() const { return layout_.samples().size(); }
  [[nodiscard]] std::int64_t classes() const { return layout_.classes; }
  /// JSON text of /meta.
  [[nodiscard]] std::string meta() const;
  /// The first one, and the second if the file has it.
  [[nodiscard]] std::vector<Ledger> const& ledgers() const { return ledgers_; }

  /// Rows of a section, by row number within the file (not sample id), converted to `type`.
  void read(std::string const& section, IndexRange rows, ElementType type, void* out) const;
  [[nodiscard]] bool has(std::string const& object) const { return file_.contains(object); }

private:
  h5::File file_;
  Layout layout_;
  std::vector<Ledger> ledgers_;
  bool complete_ = false;
};

/// Opens a result file, with a hint if only its partial file is there. @throws Error (usage)
ResultReader open_result(std::string const& path);

/// Asked before there is room for rows of a section, since a file may claim any size.
/// @throws Error (usage) if its shape is another one, or its bytes are not all there
void require_shape(ResultReader const& reader, std::string const& path, Shape const& shape);

/// What a file says of itself besides its rows.
struct Contents {
  std::string meta;       ///< JSON text of /meta
  std::string provenance; ///< JSON object: scalars become attributes of /provenance, lists datasets
};

/// /provenance as the JSON object that it was made from, but for the order of its keys.
std::string read_provenance(h5::File const& file);

/// Bytes that a result file with this layout takes, objects and ledger included, nearly.
std::int64_t estimated_bytes(Layout const& layout);

/// What is on record of a block beside its rows.
struct BlockFacts {
  std::uint64_t input_digest = 0;
  std::int64_t micro_batch = 0; ///< samples that went through the model at a time
};

/// Is shown what a file holds, block by block, and in a block section by section, the distributions
/// last: by then all else is known of their rows.
class RowVisitor {
public:
  RowVisitor() = default;
  RowVisitor(RowVisitor const&) = default;
  RowVisitor& operator=(RowVisitor const&) = default;
  virtual ~RowVisitor() = default;
  /// Some rows (numbers within the file) of a section, in its own type, in order.
  virtual void rows(Section const& section, IndexRange rows, std::byte const* data) = 0;
  /// All rows of the block were shown.
  virtual void end_block(std::int64_t block, BlockFacts const& facts) = 0;
};

/// Shows all rows of the first pass of a file, in order. A block's end is shown only if all of it
/// is as it was written.
/// @throws Error (usage) naming the file, the samples and the section of a block that is not
void visit_rows(ResultReader const& reader, RowVisitor& visitor);

/// Writes one result file: created whole under its partial name, filled row by row without any
/// collective, completed and renamed at the end. Only `finish` makes the final name exist.
class ResultWriter {
public:
  /// Creates every object, reserves the disk space and flushes. Collective over `comm`, whose
  /// ranks open the one file together; `Comm::alone()` writes without MPI.
  /// The caller (rank 0) holds the `OutputClaim` of `path`.
  /// @throws Error (usage) if it cannot be created; the partial file is removed then
  static ResultWriter create(std::string const& path, Layout const& layout,
                             Contents const& contents, Comm const& comm);
  /// Opens what an earlier job left of `path`. Collective.
  static ResultWriter resume(std::string const& path, Comm const& comm);
  ResultWriter(ResultWriter&&) noexcept;
  ResultWriter& operator=(ResultWriter&&) noexcept;
  ResultWriter(ResultWriter const&) = delete;
  ResultWriter& operator=(ResultWriter const&) = delete;
  ~ResultWriter();

  /// Writes rows (numbers within the file) of section `section` of the current ledger, given in
  /// the section's own type. Rows of one section and block come in order. Not collective.
  void write(std::size_t section, IndexRange rows, void const* data);
  /// Reads rows of a section of the first pass, in its own type, once a second one has begun.
  /// Not collective.
  void read(std::string const& section, IndexRange rows, ElementType type, void* out) const;
  /// Says that all sections of a block (of the grid) are written. Not collective.
  void complete_block(std::int64_t block, BlockFacts const& facts = {});
  /// Forgets rows that were written since the last block: they will be written again.
  void drop_block();
  /// Brings rows to the disk, then the marks of their blocks. Not collective.
  void checkpoint();

  /// Closes the file and proves what the pass has written: every block is read back and compared
  /// with its checksum, a share of them on each rank, every id is there once. Collective.
  /// @param visitors at least one: a thread for each, which shows it a run of this rank's share,
  /// the first runs to the first ones; null is shown nothing
  /// @throws AgreedError (failed); blocks that differ lose their marks, so that resuming mends them
  void end_pass(std::span<RowVisitor* const> visitors);
  /// After `end_pass`: further sections, if any, are created unless an earlier job did, and all
  /// blocks are to be written for them. Collective.
  void begin_second_pass(std::vector<Section> const& sections);
  /// Blocks that are marked done in the current ledger, in order. Collective.
  [[nodiscard]] std::vector<std::int64_t> done_blocks() const;

  /// Ends the pass, if none has, then writes what `contents` holds and the metrics, sets
  /// `complete`, renames. Collective.
  /// @param metrics attributes of /metrics; class_counts, if any, becomes its dataset
  /// @param more what else rank 0 is to write, of any size
  void finish(Contents const& contents, Metrics const& metrics,
              std::function<void(h5::File&)> const& more = {});
  /// Keeps what can be kept after a failure, without closing the file: that would wait for ranks
  /// whose part in it fails. The job is to leave by `Comm::abort`. Not collective.
  void abandon() noexcept;
  /// Tells this output from others of the same name, earlier ones included.
  [[nodiscard]] std::string const& creation() const;
  /// Keeps the partial file with its progress and closes it, if it is open. Collective.
  void suspend();

private:
  class Impl;
  explicit ResultWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Gives the partial file of `path` its final name, which is all that it lacks: an earlier job was
/// ended just before. On rank 0 alone. @throws Error (failed)
void publish_complete(std::string const& path);

/// Removes the partial file of `path`, and what is beside it.
void discard_partial(std::string const& path);

/// One thing found wrong with a file.
struct Defect {
  std::string section;
  IndexRange rows; ///< within the file
  std::string what;
};

/// What `verify` found; valid iff there are no defects.
struct Verdict {
  std::vector<Defect> defects; ///< the first `verify_defect_limit`
  std::int64_t defect_count = 0;
  std::int64_t rows = 0;
  std::int64_t nonfinite_rows = 0; ///< marked as such
};
inline constexpr std::size_t verify_defect_limit = 100;

/// Proves a file: attribute set, every object there, every id once, checksums of all blocks,
/// rows finite or marked so, sums 1 within the tolerance of the precision that is on record.
Verdict verify(ResultReader const& reader);

} // namespace fod::store
