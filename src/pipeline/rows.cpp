#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace fod {

namespace {

/// Enough for writes to run at the disk's pace, small beside a model.
constexpr std::size_t buffer_bytes = std::size_t{16} << 20;

using Where = RowBuffer::Where;

/// What is in the results row by row, as it is in the file.
struct Known {
  std::string_view path;
  RowBuffer::Find find;
};
constexpr std::array known_results{
    Known{"/distributions", [](auto const& r) -> void const* { return r.mean.distributions; }},
    Known{"/uncertainty/entropy", [](auto const& r) -> void const* { return r.mean.entropy; }},
    Known{"/uncertainty/confidence",
          [](auto const& r) -> void const* { return r.mean.confidence; }},
    Known{"/uncertainty/prediction",
          [](auto const& r) -> void const* { return r.mean.prediction; }},
    Known{"/uncertainty/aleatoric", [](auto const& r) -> void const* { return r.aleatoric; }},
    Known{"/uncertainty/epistemic", [](auto const& r) -> void const* { return r.epistemic; }},
    Known{"/uncertainty/disagreement",
          [](auto const& r) -> void const* { return r.disagreement; }}};

/// All else.
constexpr std::array other_sections{
    std::pair<std::string_view, Where>{"/sample_ids", Where::ids},
    std::pair<std::string_view, Where>{"/row_status", Where::status},
    std::pair<std::string_view, Where>{"/labels", Where::labels},
    std::pair<std::string_view, Where>{"/members", Where::members},
    std::pair<std::string_view, Where>{"/logits", Where::logits}};

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
    : layout_(layout), sink_(std::move(sink)) {
  for (auto& section : store::sections(layout)) {
    columns_.push_back(column_of(std::move(section)));
  }
  auto const first_kept = columns_.size() - layout_.activations.size(); // they come last
  for (std::size_t i = first_kept; i < columns_.size(); ++i) {
    columns_[i].where = Where::activations;
    columns_[i].activations = i - first_kept;
  }
}

RowBuffer::Column RowBuffer::column_of(store::Section section) {
  Column column;
  for (auto const& known : known_results) {
    column.find = known.path == section.path ? known.find : column.find;
  }
  for (auto const& [path, where] : other_sections) {
    column.where = path == section.path ? where : column.where;
  }
  column.section = std::move(section);
  return column;
}

void RowBuffer::push(Column& column, void const* rows, std::size_t count) {
  auto const* begin = static_cast<std::byte const*>(rows);
  column.bytes.insert(column.bytes.end(), begin, begin + count * column.row_bytes());
}

/// The file has the members of a sample together, the results have the samples of a member.
void RowBuffer::push_members(Column& column, float const* values, std::size_t count,
                             std::int64_t member_rows) const {
  auto const classes = layout_.classes;
  auto const bytes = static_cast<std::size_t>(classes) * sizeof(float);
  for (std::int64_t row = 0; row < static_cast<std::int64_t>(count); ++row) {
    for (std::int64_t member = 0; member < layout_.members; ++member) {
      auto const* begin =
          reinterpret_cast<std::byte const*>(values + (member * member_rows + row) * classes);
      column.bytes.insert(column.bytes.end(), begin, begin + bytes);
    }
  }
}

/// What was computed for samples that could not be read says nothing.
void RowBuffer::blank_unreadable(Column& column, std::span<std::uint8_t const> flags) {
  auto const row_bytes = column.row_bytes();
  auto* row = column.bytes.data() + column.bytes.size() - flags.size() * row_bytes;
  for (auto const flag : flags) {
    if ((flag & row_unreadable) != 0) {
      std::fill_n(reinterpret_cast<float*>(row), row_bytes / sizeof(float),
                  std::numeric_limits<float>::quiet_NaN());
    }
    row += row_bytes;
  }
}

void RowBuffer::append(IndexRange samples, BatchResults const& results,
                       std::span<std::int64_t const> labels,
                       std::span<float const* const> activations) {
  auto const count = static_cast<std::size_t>(samples.size());
  std::span const flags(results.joined.mean.flags, count);
  for (auto& column : columns_) {
    switch (column.where) {
    case Where::results:
      push(column, column.find(results.joined), count);
      break;
    case Where::ids:
      for (auto id = samples.begin; id < samples.end; ++id) {
        push(column, &id, 1);
      }
      break;
    case Where::status:
      for (auto const flag : flags) {
        column.bytes.push_back(static_cast<std::byte>(status_of(flag)));
      }
      break;
    case Where::labels:
      push(column, labels.data(), count);
      break;
    case Where::members:
      push_members(column, results.members.distributions, count, results.member_rows);
      break;
    case Where::logits:
      push_members(column, results.members.logits, count, results.member_rows);
      break;
    case Where::activations:
      push(column, activations[column.activations], count);
      blank_unreadable(column, flags);
      break;
    }
  }
  range_ = range_.empty() ? samples : IndexRange{range_.begin, samples.end};
}

bool RowBuffer::full() const {
  std::size_t kept = 0;
  for (auto const& column : columns_) {
    kept += column.bytes.size();
  }
  return kept >= buffer_bytes;
}

void RowBuffer::drop() {
  for (auto& column : columns_) {
    column.bytes.clear();
  }
  range_ = {};
}

void RowBuffer::flush() {
  auto const first = layout_.samples().begin;
  for (std::size_t s = 0; s < columns_.size(); ++s) {
    sink_(s, {range_.begin - first, range_.end - first}, columns_[s].bytes.data());
    columns_[s].bytes.clear();
  }
  range_ = {};
}

} // namespace fod
