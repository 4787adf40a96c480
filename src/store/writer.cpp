#include "creation.hpp"
#include "disk.hpp"
#include "parallel.hpp"
#include "proof.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <optional>
#include <span>
#include <utility>

namespace fod::store {

namespace {

/// Independent MPI-IO calls of 2 GiB or more fail.
constexpr std::int64_t slice_bytes = std::int64_t{1} << 30;
/// Rows for which the disk may as well begin, while the next ones are computed.
constexpr std::int64_t worth_writing = std::int64_t{8} << 20;

/// A block whose rows are written, waiting for the next checkpoint.
struct PendingBlock {
  std::int64_t row; ///< in the ledger
  BlockFacts facts;
  std::vector<std::uint64_t> checksums;
};

bool same_sections(std::vector<Section> const& a, std::vector<Section> const& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Section const& x, Section const& y) {
    return x.path == y.path && x.type == y.type && x.row == y.row;
  });
}

} // namespace

class ResultWriter::Impl {
public:
  Impl(std::string path, Comm comm)
      : path_(std::move(path)), partial_(partial_path(path_)), comm_(std::move(comm)),
        plain_(partial_, O_RDWR) {
    {
      ResultReader const reader(partial_);
      layout_ = reader.layout();
      creation_ = reader.creation();
    }
  }

  void open() { open(first_ledger(layout_)); }

  /// Opens the file for the sections of a ledger. Collective.
  void open(Ledger ledger) {
    ledger_ = std::move(ledger);
    file_.emplace(open_together(partial_, comm_));
    done_ = file_->dataset(done_of(ledger_));
    checksums_ = file_->dataset(checksums_of(ledger_));
    if (is_first(ledger_)) {
      inputs_ = file_->dataset(inputs_of(ledger_));
      micro_batches_ = file_->dataset(micro_batches_of(ledger_));
    }
    running_ = std::vector<Checksum>(ledger_.sections.size());
    for (auto const& section : ledger_.sections) {
      datasets_.push_back(file_->dataset(section.path));
    }
  }

  void begin_second_pass(std::vector<Section> const& added) {
    auto const ledger = second_ledger(added);
    if (added.empty()) {
      ledger_ = ledger;
      comm_.agree([&] { file_.emplace(open_together(partial_, comm_)); });
      return;
    }
    comm_.on_root([&] {
      auto const ledgers = ResultReader(partial_).ledgers();
      if (ledgers.size() < 2) {
        add_ledger(path_, layout_, ledger);
      } else if (!same_sections(ledgers[1].sections, added)) {
        throw run_failure("other groups were found than before the job was resumed",
                          partial_ + " has sections for other ones",
                          "start the job again with --overwrite");
      }
    });
    comm_.agree([&] { open(ledger); });
  }

  void write(std::size_t s, IndexRange rows, void const* data) {
    auto const& section = ledger_.sections[s];
    auto const* bytes = static_cast<std::byte const*>(data);
    running_[s].update(bytes, static_cast<std::size_t>(rows.size() * section.row_bytes()));
    auto const step = std::max<std::int64_t>(1, slice_bytes / section.row_bytes());
    for (auto begin = rows.begin; begin < rows.end; begin += step) {
      IndexRange const slice{begin, std::min(rows.end, begin + step)};
      datasets_[s].write(slice, section.type, bytes + (begin - rows.begin) * section.row_bytes());
    }
    fresh_bytes_ += rows.size() * section.row_bytes();
    if (fresh_bytes_ >= worth_writing) {
      plain_.start_writing();
      fresh_bytes_ = 0;
    }
  }

  void read(std::string const& section, IndexRange rows, ElementType type, void* out) const {
    file_->dataset(section).read(rows, type, out);
  }

  void drop_block() {
    for (auto& checksum : running_) {
      checksum = Checksum();
    }
  }

  void complete_block(std::int64_t block, BlockFacts const& facts) {
    PendingBlock pending{block - layout_.blocks.begin, facts, {}};
    for (auto const& checksum : running_) {
      pending.checksums.push_back(checksum.digest());
    }
    drop_block();
    pending_.push_back(std::move(pending));
  }

  void checkpoint() {
    if (pending_.empty()) {
      return;
    }
    // Without MPI-IO the library may still hold rows. With it a flush would be collective, and
    // nothing is held.
    if (comm_.size() == 1) {
      file_->flush();
    }
    plain_.sync();
    for (auto run = pending_.begin(); run != pending_.end();) {
      auto const last = std::adjacent_find(
          run, pending_.end(), [](auto const& a, auto const& b) { return b.row != a.row + 1; });
      auto const end = last == pending_.end() ? last : std::next(last);
      mark({run, end});
      run = end;
    }
    plain_.sync(); // what follows from marks must not last longer than they do
    pending_.clear();
  }

  [[nodiscard]] std::vector<std::int64_t> done_blocks() const {
    if (ledger_.sections.empty()) {
      return {};
    }
    std::string marks(static_cast<std::size_t>(layout_.blocks.size()), '\0');
    comm_.on_root([&] {
      done_.read({0, layout_.blocks.size()}, ElementType::uint8, marks.data());
    });
    marks = comm_.broadcast(std::move(marks));
    std::vector<std::int64_t> done;
    for (std::size_t row = 0; row < marks.size(); ++row) {
      if (marks[row] == 1) {
        done.push_back(layout_.blocks.begin + static_cast<std::int64_t>(row));
      }
    }
    return done;
  }

  void abandon() noexcept {
    try {
      checkpoint();
    } catch (std::exception const&) {
      return; // there was a failure before this one, which is told of
    }
  }

  void suspend() {
    if (file_) {
      close();
    }
  }

  void end_pass(std::span<RowVisitor* const> visitors) {
    close();
    proven_ = true;
    if (ledger_.sections.empty()) {
      return; // a second pass that only read
    }
    Proof proof;
    auto const mine = shard_of(layout_.blocks, comm_.size(), comm_.rank());
    comm_.agree([&] { proof = prove_blocks(ResultReader(partial_), ledger_, mine, visitors); });
    require_good(proof, partial_, layout_, ledger_, comm_);
    if (is_first(ledger_)) { // the second's sections have no ids
      require_all_ids(proof, partial_, layout_, mine, comm_);
    }
  }

  void finish(Contents const& contents, Metrics const& metrics,
              std::function<void(h5::File&)> const& more) {
    if (file_ || !proven_) {
      RowVisitor* const nobody = nullptr;
      end_pass({&nobody, 1});
    }
    comm_.on_root([&] {
      change_metadata(path_, [&](h5::File& file) {
        write_contents(file, contents);
        write_metrics(file, metrics);
        if (more) {
          more(file);
        }
        file.set_attribute("/", "complete", std::int64_t{1});
      });
      publish_complete(path_);
    });
  }

  [[nodiscard]] std::string const& creation() const { return creation_; }

private:
  /// Marks a run of blocks by one write to each part of the ledger.
  void mark(std::span<PendingBlock const> run) {
    IndexRange const rows{run.front().row, run.back().row + 1};
    std::vector<std::uint64_t> checksums;
    std::vector<std::uint64_t> inputs;
    std::vector<std::int64_t> micro_batches;
    for (auto const& block : run) {
      checksums.insert(checksums.end(), block.checksums.begin(), block.checksums.end());
      inputs.push_back(block.facts.input_digest);
      micro_batches.push_back(block.facts.micro_batch);
    }
    checksums_.write(rows, ElementType::uint64, checksums.data());
    if (is_first(ledger_)) {
      inputs_.write(rows, ElementType::uint64, inputs.data());
      micro_batches_.write(rows, ElementType::int64, micro_batches.data());
    }
    std::vector<std::uint8_t> const marks(run.size(), 1);
    done_.write(rows, ElementType::uint8, marks.data());
  }

  /// Closes the file for all. What is written is on the disk before. Collective.
  void close() {
    try {
      comm_.agree([&] {
        checkpoint();
        require_writable();
        datasets_.clear();
        done_ = h5::Dataset();
        checksums_ = h5::Dataset();
        inputs_ = h5::Dataset();
        micro_batches_ = h5::Dataset();
      });
      comm_.agree([&] {
        plain_.sync();
        file_->close();
        file_.reset();
        plain_.sync();
      });
    } catch (AgreedError const& error) {
      throw UncleanError(error);
    }
  }

  /// The close flushes on one rank and makes the others wait for it, for ever if that fails.
  void require_writable() const {
    if (comm_.is_root()) {
      std::array<std::byte, 8> head{};
      read_all(plain_, head.data(), head.size(), 0);
      write_all(plain_, head.data(), head.size(), 0);
      plain_.sync();
    }
  }

  std::string path_;
  std::string partial_;
  Layout layout_;
  std::string creation_;
  Comm comm_;
  Ledger ledger_;
  std::optional<h5::File> file_;
  std::vector<h5::Dataset> datasets_;
  h5::Dataset done_;
  h5::Dataset checksums_;
  h5::Dataset inputs_;
  h5::Dataset micro_batches_;
  Descriptor plain_;
  std::vector<Checksum> running_;
  std::int64_t fresh_bytes_ = 0; ///< of rows that the disk may not know of
  std::vector<PendingBlock> pending_;
  bool proven_ = false;
};

ResultWriter::ResultWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResultWriter::ResultWriter(ResultWriter&&) noexcept = default;
ResultWriter& ResultWriter::operator=(ResultWriter&&) noexcept = default;
ResultWriter::~ResultWriter() = default;

ResultWriter ResultWriter::create(std::string const& path, Layout const& layout,
                                  Contents const& contents, Comm const& comm) {
  comm.on_root([&] { create_partial(path, layout, contents); });
  return resume(path, comm);
}

ResultWriter ResultWriter::resume(std::string const& path, Comm const& comm) {
  std::unique_ptr<Impl> impl;
  comm.agree([&] { impl = std::make_unique<Impl>(path, comm); });
  comm.agree([&] { impl->open(); });
  return ResultWriter(std::move(impl));
}

void ResultWriter::write(std::size_t section, IndexRange rows, void const* data) {
  impl_->write(section, rows, data);
}
void ResultWriter::read(std::string const& section, IndexRange rows, ElementType type,
                        void* out) const {
  impl_->read(section, rows, type, out);
}
void ResultWriter::complete_block(std::int64_t block, BlockFacts const& facts) {
  impl_->complete_block(block, facts);
}
void ResultWriter::drop_block() {
  impl_->drop_block();
}
void ResultWriter::checkpoint() {
  impl_->checkpoint();
}

std::vector<std::int64_t> ResultWriter::done_blocks() const {
  return impl_->done_blocks();
}

void ResultWriter::end_pass(std::span<RowVisitor* const> visitors) {
  impl_->end_pass(visitors);
}

void ResultWriter::begin_second_pass(std::vector<Section> const& sections) {
  impl_->begin_second_pass(sections);
}

void ResultWriter::finish(Contents const& contents, Metrics const& metrics,
                          std::function<void(h5::File&)> const& more) {
  impl_->finish(contents, metrics, more);
}

void ResultWriter::abandon() noexcept {
  impl_->abandon();
}

void ResultWriter::suspend() {
  impl_->suspend();
}

std::string const& ResultWriter::creation() const {
  return impl_->creation();
}

} // namespace fod::store
