#include "blocks.hpp"
#include "disk.hpp"
#include "parallel.hpp"

#include "fod/error.hpp"

#include <array>
#include <fcntl.h>
#include <optional>
#include <unistd.h>
#include <utility>

namespace fod::store {

namespace {

/// Independent MPI-IO calls of 2 GiB or more fail.
constexpr std::int64_t slice_bytes = std::int64_t{1} << 30;

/// Writes the whole file but its rows, under its partial name, and reserves its space.
void create_partial(std::string const& partial, Layout const& layout, Contents const& contents) {
  try {
    auto file = h5::File::create(partial);
    write_layout(file, layout);
    create_objects(file, layout, first_ledger(layout));
    write_contents(file, contents);
    file.close();
    reserve_space(partial);
    Descriptor(partial, O_RDWR).sync();
    Descriptor(folder_of(partial), O_RDONLY | O_DIRECTORY).sync();
  } catch (Error const& error) {
    ::unlink(partial.c_str());
    throw Error(ExitCode::usage, error.message());
  }
}

/// A block whose rows are written, waiting for the next checkpoint.
struct PendingBlock {
  std::int64_t row; ///< in the ledger
  std::vector<std::uint64_t> checksums;
};

} // namespace

class ResultWriter::Impl {
public:
  Impl(std::string path, Layout layout, Comm comm)
      : path_(std::move(path)), partial_(partial_path(path_)), layout_(std::move(layout)),
        comm_(std::move(comm)), plain_(partial_, O_RDWR) {
    open(first_ledger(layout_));
  }

  /// Opens the file for the sections of a ledger. Collective.
  void open(Ledger const& ledger) {
    sections_ = ledger.sections;
    file_.emplace(open_together(partial_, comm_));
    done_ = file_->dataset(done_of(ledger));
    checksums_ = file_->dataset(checksums_of(ledger));
    running_ = std::vector<Checksum>(sections_.size());
    for (auto const& section : sections_) {
      datasets_.push_back(file_->dataset(section.path));
    }
  }

  void begin_second_pass(std::vector<Section> const& added) {
    close();
    if (added.empty()) {
      comm_.agree([&] { file_.emplace(open_together(partial_, comm_)); });
      return;
    }
    auto const ledger = second_ledger(added);
    comm_.on_root([&] {
      try {
        auto file = h5::File::open_for_writing(partial_);
        create_objects(file, layout_, ledger);
        file.close();
        reserve_space(partial_);
        plain_.sync();
      } catch (Error const& error) {
        throw Error(ExitCode::failed, error.message()); // the first pass is there
      }
    });
    comm_.agree([&] { open(ledger); });
  }

  void write(std::size_t s, IndexRange rows, void const* data) {
    auto const& section = sections_[s];
    auto const* bytes = static_cast<std::byte const*>(data);
    running_[s].update(bytes, static_cast<std::size_t>(rows.size() * section.row_bytes()));
    auto const step = std::max<std::int64_t>(1, slice_bytes / section.row_bytes());
    for (auto begin = rows.begin; begin < rows.end; begin += step) {
      IndexRange const slice{begin, std::min(rows.end, begin + step)};
      datasets_[s].write(slice, section.type, bytes + (begin - rows.begin) * section.row_bytes());
    }
  }

  void read(std::string const& section, IndexRange rows, ElementType type, void* out) const {
    file_->dataset(section).read(rows, type, out);
  }

  void complete_block(std::int64_t block) {
    PendingBlock pending{block - layout_.blocks.begin, {}};
    for (auto& checksum : running_) {
      pending.checksums.push_back(checksum.digest());
      checksum = Checksum();
    }
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
    for (auto const& block : pending_) {
      IndexRange const row{block.row, block.row + 1};
      std::uint8_t const mark = 1;
      checksums_.write(row, ElementType::uint64, block.checksums.data());
      done_.write(row, ElementType::uint8, &mark);
    }
    pending_.clear();
  }

  void suspend() {
    if (file_) {
      close();
    }
  }

  /// Closes the file for all. What is written is on the disk before. Collective.
  void close() {
    try {
      comm_.agree([&] {
        checkpoint();
        datasets_.clear();
        done_ = h5::Dataset();
        checksums_ = h5::Dataset();
      });
      comm_.agree([&] {
        file_->close();
        file_.reset();
        plain_.sync();
      });
    } catch (AgreedError const& error) {
      throw UncleanError(error);
    }
  }

  /// Reads back this rank's part of the file; all parts together prove it.
  void prove() const {
    IdEvidence found;
    comm_.agree([&] {
      ResultReader const reader(partial_);
      auto const mine = shard_of(layout_.blocks, comm_.size(), comm_.rank());
      for (auto const& ledger : reader.ledgers()) {
        BlockScanner scanner(reader, ledger);
        for (auto block = mine.begin; block < mine.end; ++block) {
          prove_block(scanner, block, found);
        }
      }
    });
    std::array<std::uint64_t, 3> sums{found.count, found.sum, found.hash};
    comm_.all_sum(sums);
    IdEvidence const total{sums[0], sums[1], sums[2]};
    auto const rows = static_cast<std::uint64_t>(layout_.samples().size());
    bool const whole =
        layout_.explicit_ids ? total.count == rows : total == evidence_of(layout_.samples());
    if (!whole) {
      throw AgreedError(
          run_failure(partial_ + " does not hold every sample once",
                      std::to_string(total.count) + " ids for " + std::to_string(rows) + " samples",
                      "do not use it; start the job again with --overwrite"));
    }
  }

  void publish_with(Contents const& contents, Metrics const& metrics,
                    std::function<void(h5::File&)> const& more) const {
    comm_.on_root([&] {
      auto file = h5::File::open_for_writing(partial_);
      write_contents(file, contents);
      write_metrics(file, metrics);
      if (more) {
        more(file);
      }
      file.set_attribute("/", "complete", std::int64_t{1});
      file.close();
      publish(partial_, path_);
    });
  }

private:
  void prove_block(BlockScanner& scanner, std::int64_t block, IdEvidence& found) const {
    auto const digests =
        scanner.scan(block, [&](std::size_t section, IndexRange rows, std::byte const* data) {
          if (scanner.section(section).path == "/sample_ids") {
            auto const* ids = reinterpret_cast<std::int64_t const*>(data);
            for (std::int64_t i = 0; i < rows.size(); ++i) {
              found.add(ids[i]);
            }
          }
        });
    for (std::size_t s = 0; s < digests.size(); ++s) {
      if (!scanner.done(block) || digests[s] != scanner.recorded(block, s)) {
        auto const samples = layout_.grid.samples_of(block);
        throw run_failure("samples " + std::to_string(samples.begin) + " to " +
                              std::to_string(samples.end) + " of " + partial_ +
                              scanner.section(s).path + " were not read back as they were written",
                          scanner.done(block) ? "the checksum differs" : "the block is not marked",
                          "check the disk, then start the job again with --overwrite");
      }
    }
  }

  std::string path_;
  std::string partial_;
  Layout layout_;
  Comm comm_;
  std::vector<Section> sections_;
  std::optional<h5::File> file_;
  std::vector<h5::Dataset> datasets_;
  h5::Dataset done_;
  h5::Dataset checksums_;
  Descriptor plain_;
  std::vector<Checksum> running_;
  std::vector<PendingBlock> pending_;
};

ResultWriter::ResultWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResultWriter::ResultWriter(ResultWriter&&) noexcept = default;
ResultWriter& ResultWriter::operator=(ResultWriter&&) noexcept = default;
ResultWriter::~ResultWriter() = default;

ResultWriter ResultWriter::create(std::string const& path, Layout const& layout,
                                  Contents const& contents, Comm const& comm) {
  comm.on_root([&] { create_partial(partial_path(path), layout, contents); });
  std::unique_ptr<Impl> impl;
  comm.agree([&] { impl = std::make_unique<Impl>(path, layout, comm); });
  return ResultWriter(std::move(impl));
}

void ResultWriter::write(std::size_t section, IndexRange rows, void const* data) {
  impl_->write(section, rows, data);
}
void ResultWriter::read(std::string const& section, IndexRange rows, ElementType type,
                        void* out) const {
  impl_->read(section, rows, type, out);
}
void ResultWriter::complete_block(std::int64_t block) {
  impl_->complete_block(block);
}
void ResultWriter::checkpoint() {
  impl_->checkpoint();
}

void ResultWriter::begin_second_pass(std::vector<Section> const& sections) {
  impl_->begin_second_pass(sections);
}

void ResultWriter::finish(Contents const& contents, Metrics const& metrics,
                          std::function<void(h5::File&)> const& more) {
  impl_->close();
  impl_->prove();
  impl_->publish_with(contents, metrics, more);
}

void ResultWriter::suspend() {
  impl_->suspend();
}

} // namespace fod::store
