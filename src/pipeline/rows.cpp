#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>

namespace fod {

namespace {

/// Enough for writes to run at the disk's pace, small beside a model.
constexpr std::size_t buffer_bytes = std::size_t{16} << 20;

void append_bytes(std::vector<std::byte>& column, void const* data, std::size_t bytes) {
  auto const* begin = static_cast<std::byte const*>(data);
  column.insert(column.end(), begin, begin + bytes);
}

RowStatus status_of(std::uint8_t flags) {
  if ((flags & row_unreadable) != 0) {
    return RowStatus::unreadable;
  }
  return (flags & row_nonfinite) != 0 ? RowStatus::nonfinite : RowStatus::good;
}

} // namespace

void mark_unreadable(BatchResults const& results, IndexRange samples, store::Layout const& layout,
                     std::span<std::int64_t const> unreadable) {
  constexpr auto nothing = std::numeric_limits<float>::quiet_NaN();
  auto const& joined = results.joined;
  auto const blank = [nothing](float* rows, std::int64_t row, std::int64_t columns) {
    if (rows != nullptr) {
      std::fill_n(rows + row * columns, columns, nothing);
    }
  };
  for (auto const sample : unreadable) {
    auto const row = sample - samples.begin;
    for (std::int64_t member = 0; member < layout.members; ++member) {
      auto const at = member * results.member_rows + row;
      blank(results.members.distributions, at, layout.classes);
      blank(results.members.logits, at, layout.classes);
    }
    blank(joined.mean.distributions, row, layout.classes);
    for (auto* column : {joined.mean.entropy, joined.mean.confidence, joined.aleatoric,
                         joined.epistemic, joined.disagreement}) {
      blank(column, row, 1);
    }
    if (joined.mean.prediction != nullptr) {
      joined.mean.prediction[row] = -1;
    }
    joined.mean.flags[row] = row_unreadable;
  }
}

std::uint64_t block_digest(Checksum const& data, std::int64_t block) {
  return checksum_of(checksum_text(data.digest()) + std::to_string(block));
}

RowBuffer::RowBuffer(store::Layout const& layout, Sink sink)
    : layout_(layout), sink_(std::move(sink)), sections_(store::sections(layout)),
      columns_(sections_.size()) {}

void RowBuffer::append(IndexRange samples, BatchResults const& results,
                       std::span<std::int64_t const> labels,
                       std::span<float const* const> activations) {
  auto const count = static_cast<std::size_t>(samples.size());
  auto const& rows = results.joined.mean;
  std::vector<std::int64_t> ids(count);
  std::iota(ids.begin(), ids.end(), samples.begin);
  std::vector<std::uint8_t> status(count);
  for (std::size_t i = 0; i < count; ++i) {
    status[i] = static_cast<std::uint8_t>(status_of(rows.flags[i]));
  }
  std::map<std::string, void const*> sources{
      {"/distributions", rows.distributions},
      {"/sample_ids", ids.data()},
      {"/row_status", status.data()},
      {"/uncertainty/entropy", rows.entropy},
      {"/uncertainty/confidence", rows.confidence},
      {"/uncertainty/prediction", rows.prediction},
      {"/uncertainty/aleatoric", results.joined.aleatoric},
      {"/uncertainty/epistemic", results.joined.epistemic},
      {"/uncertainty/disagreement", results.joined.disagreement},
      {"/labels", labels.data()},
  };
  auto const first_kept = sections_.size() - layout_.activations.size(); // they come last
  for (std::size_t i = 0; i < layout_.activations.size(); ++i) {
    sources[sections_[first_kept + i].path] = activations[i];
  }
  for (std::size_t s = 0; s < sections_.size(); ++s) {
    auto const& path = sections_[s].path;
    if (path == "/members" || path == "/logits") {
      auto const* values =
          path == "/members" ? results.members.distributions : results.members.logits;
      append_members(columns_[s], values, samples.size(), results.member_rows);
    } else {
      append_bytes(columns_[s], sources.at(path),
                   count * static_cast<std::size_t>(sections_[s].row_bytes()));
    }
    if (s >= first_kept) {
      blank_unreadable(columns_[s], sections_[s], {rows.flags, count});
    }
  }
  range_ = range_.empty() ? samples : IndexRange{range_.begin, samples.end};
  std::size_t kept = 0;
  for (auto const& column : columns_) {
    kept += column.size();
  }
  if (kept >= buffer_bytes) {
    flush();
  }
}

/// What was computed for samples that could not be read says nothing.
void RowBuffer::blank_unreadable(std::vector<std::byte>& column, store::Section const& section,
                                 std::span<std::uint8_t const> flags) {
  auto const row_bytes = static_cast<std::size_t>(section.row_bytes());
  auto* row = column.data() + column.size() - flags.size() * row_bytes;
  for (auto const flag : flags) {
    if ((flag & row_unreadable) != 0) {
      std::fill_n(reinterpret_cast<float*>(row), row_bytes / sizeof(float),
                  std::numeric_limits<float>::quiet_NaN());
    }
    row += row_bytes;
  }
}

/// The file has the members of a sample together, the results have the samples of a member.
void RowBuffer::append_members(std::vector<std::byte>& column, float const* values,
                               std::int64_t count, std::int64_t member_rows) const {
  auto const classes = layout_.classes;
  for (std::int64_t row = 0; row < count; ++row) {
    for (std::int64_t member = 0; member < layout_.members; ++member) {
      append_bytes(column, values + (member * member_rows + row) * classes,
                   static_cast<std::size_t>(classes) * sizeof(float));
    }
  }
}

void RowBuffer::drop() {
  for (auto& column : columns_) {
    column.clear();
  }
  range_ = {};
}

void RowBuffer::flush() {
  auto const first = layout_.samples().begin;
  for (std::size_t s = 0; s < sections_.size(); ++s) {
    sink_(s, {range_.begin - first, range_.end - first}, columns_[s].data());
    columns_[s].clear();
  }
  range_ = {};
}

} // namespace fod
