#include "fod/merge.hpp"

#include "contents.hpp"
#include "findings.hpp"

#include "fod/checksum.hpp"
#include "fod/comm.hpp"
#include "fod/output_claim.hpp"
#include "fod/progress.hpp"
#include "fod/totals_by_parts.hpp"
#include "fod/workers.hpp"

#include <chrono>
#include <iostream>
#include <map>

namespace fod {

namespace {

/// Copies the rows of one file to their place in the result.
class Copier : public store::RowVisitor {
public:
  /// @param samples done, of all files
  Copier(Part const& part, store::Layout const& layout, store::ResultWriter& writer,
         Progress& progress, std::int64_t& samples)
      : grid_(layout.grid), shift_(part.samples().begin - layout.samples().begin), writer_(writer),
        progress_(progress), samples_(samples) {
    for (auto const& section : store::sections(layout)) {
      numbers_.emplace(section.path, numbers_.size());
    }
  }

  void rows(store::Section const& section, IndexRange rows, std::byte const* data) override {
    writer_.write(numbers_.at(section.path), {rows.begin + shift_, rows.end + shift_}, data);
    since_ += rows.size() * section.row_bytes();
  }

  void end_block(std::int64_t block, store::BlockFacts const& facts) override {
    writer_.complete_block(block, facts);
    if (since_ >= checkpoint_bytes) {
      writer_.checkpoint();
      since_ = 0;
    }
    samples_ += grid_.samples_of(block).size();
    progress_.show(samples_);
  }

private:
  /// Marks of blocks are kept in memory until the rows are on the disk.
  static constexpr std::int64_t checkpoint_bytes = std::int64_t{1} << 30;

  BlockGrid grid_;
  std::int64_t shift_;
  store::ResultWriter& writer_;
  Progress& progress_;
  std::int64_t& samples_;
  std::map<std::string, std::size_t> numbers_; ///< of the sections
  std::int64_t since_ = 0;                     ///< bytes since the last checkpoint
};

void copy_rows(std::vector<Part> const& parts, store::Layout const& layout,
               store::ResultWriter& writer, std::optional<bool> progress) {
  Progress shown("fod merge", layout.samples().size(), progress);
  std::int64_t samples = 0;
  for (auto const& part : parts) {
    Copier copier(part, layout, writer, shown, samples);
    store::visit_rows(store::ResultReader(part.path), copier);
  }
  shown.end(samples);
}

MergeReport report_of(std::vector<Part> const& parts, store::Layout const& layout,
                      MergedFindings findings, store::Metrics metrics) {
  MergeReport report;
  for (auto const& part : parts) {
    report.files.push_back({part.path, part.samples(), part.layout.shard, part.layout.shards});
  }
  report.samples = layout.samples();
  report.classes = layout.classes;
  report.metrics = std::move(metrics);
  report.notes = findings.notes();
  report.left_out = std::move(findings.left_out);
  report.layers = std::move(findings.layers);
  return report;
}

} // namespace

MergeReport merge_files(std::vector<std::string> const& inputs, std::string const& out,
                        MergeOptions const& options) {
  auto const start = std::chrono::steady_clock::now();
  auto const parts = read_parts(inputs, out);
  require_one_whole(parts, options.allow_partial);
  store::OutputClaim const claim(out, {options.overwrite, false, is_of_a_merge});
  for (auto const& note : claim.notes()) {
    std::cerr << "fod: " << note << std::endl;
  }
  auto const threads = usable_cores();
  auto const layout = joined_layout(parts);
  auto findings = find_groups(parts, threads); // before anything is written
  auto writer =
      store::ResultWriter::create(out, layout, joined_contents(parts, layout, {}), Comm::alone());
  try {
    copy_rows(parts, layout, writer, options.progress);
    TotalsByParts by_parts(layout, 1, threads);
    writer.end_pass(by_parts.visitors());
    auto const totals = by_parts.joined();
    describe_activity(findings, layout, source_samples(parts), writer, threads);
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start);
    MergeFacts const facts{totals.metrics(), checksum_text(totals.input_digest()), seconds.count(),
                           findings.left_out};
    writer.finish(joined_contents(parts, layout, facts), facts.metrics,
                  [&](h5::File& file) { write_findings(file, findings, layout, threads); });
    return report_of(parts, layout, std::move(findings), facts.metrics);
  } catch (...) {
    store::discard_partial(out); // a merge begins anew
    throw;
  }
}

} // namespace fod
