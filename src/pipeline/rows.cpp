#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

namespace fod {

namespace {

/// Enough for writes to run at the disk's pace, small beside a model.
constexpr std::int64_t buffer_bytes = std::int64_t{8} << 20;

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

void mark_unreadable(EpilogueView const& rows, IndexRange samples, std::int64_t classes,
                     std::span<std::int64_t const> unreadable) {
  constexpr auto nothing = std::numeric_limits<float>::quiet_NaN();
  for (auto const sample : unreadable) {
    auto const row = sample - samples.begin;
    std::fill_n(rows.distributions + row * classes, classes, nothing);
    rows.entropy[row] = nothing;
    rows.confidence[row] = nothing;
    rows.prediction[row] = -1;
    rows.flags[row] = row_unreadable;
  }
}

RowBuffer::RowBuffer(store::Layout const& layout, store::ResultWriter& writer)
    : layout_(layout), writer_(writer), sections_(store::sections(layout)),
      columns_(sections_.size()) {}

void RowBuffer::append(IndexRange samples, EpilogueView const& rows,
                       std::span<std::int64_t const> labels) {
  auto const count = static_cast<std::size_t>(samples.size());
  std::vector<std::int64_t> ids(count);
  std::iota(ids.begin(), ids.end(), samples.begin);
  std::vector<std::uint8_t> status(count);
  for (std::size_t i = 0; i < count; ++i) {
    status[i] = static_cast<std::uint8_t>(status_of(rows.flags[i]));
  }
  auto const source = [&](std::string const& path) -> void const* {
    if (path == "/distributions") {
      return rows.distributions;
    }
    if (path == "/sample_ids") {
      return ids.data();
    }
    if (path == "/row_status") {
      return status.data();
    }
    if (path == "/uncertainty/entropy") {
      return rows.entropy;
    }
    if (path == "/uncertainty/confidence") {
      return rows.confidence;
    }
    return path == "/labels" ? static_cast<void const*>(labels.data()) : rows.prediction;
  };
  for (std::size_t s = 0; s < sections_.size(); ++s) {
    auto const bytes = count * static_cast<std::size_t>(sections_[s].row_bytes());
    append_bytes(columns_[s], source(sections_[s].path), bytes);
  }
  range_ = range_.empty() ? samples : IndexRange{range_.begin, samples.end};
  if (std::ssize(columns_[0]) >= buffer_bytes) {
    flush();
  }
}

void RowBuffer::flush() {
  auto const first = layout_.samples().begin;
  for (std::size_t s = 0; s < sections_.size(); ++s) {
    writer_.write(s, {range_.begin - first, range_.end - first}, columns_[s].data());
    columns_[s].clear();
  }
  range_ = {};
}

} // namespace fod
