#include "ensemble_source.hpp"

#include <cstring>

namespace fod {

namespace {

constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;

} // namespace

MemberRows::MemberRows(EnsembleInput const& input)
    : input_(input), figures_(input.members() == 1 && input.layout().uncertainty),
      columns_(paths().size()), checked_(input.reader, paths()) {
  if (!input.order.empty()) {
    hold_all();
  }
}

/// Figures of several members are worked out, whatever the file says of their mean.
std::vector<std::string> MemberRows::paths() const {
  std::vector<std::string> all{"/sample_ids", "/row_status",
                               input_.members() > 1 ? "/members" : "/distributions"};
  if (figures_) {
    all.insert(all.end(), {"/uncertainty/entropy", "/uncertainty/prediction"});
  }
  if (input_.layout().labels) {
    all.emplace_back("/labels");
  }
  return all;
}

void MemberRows::hold_all() {
  held_.resize(columns_);
  rows_.resize(columns_);
  auto const rows = input_.reader.rows();
  auto const widest = checked_.section(distributions).row_bytes();
  auto const step = std::max<std::int64_t>(1, piece_bytes / widest);
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    checked_.next(std::min(step, rows - begin));
    for (std::size_t c = 0; c < columns_; ++c) {
      held_[c].insert(held_[c].end(), checked_.data(c).begin(), checked_.data(c).end());
    }
  }
}

void MemberRows::next(std::int64_t rows) {
  if (input_.order.empty()) {
    checked_.next(rows);
  } else {
    for (std::size_t c = 0; c < columns_; ++c) {
      auto const bytes = static_cast<std::size_t>(checked_.section(c).row_bytes());
      rows_[c].resize(static_cast<std::size_t>(rows) * bytes);
      for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
        auto const row = input_.order[static_cast<std::size_t>(row_) + i];
        std::memcpy(rows_[c].data() + i * bytes,
                    held_[c].data() + static_cast<std::size_t>(row) * bytes, bytes);
      }
    }
  }
  row_ += rows;
  count_ = rows;
}

template <class T>
T const* MemberRows::rows_of(std::size_t column) const {
  auto const& bytes = input_.order.empty() ? checked_.data(column) : rows_[column];
  return reinterpret_cast<T const*>(bytes.data());
}

RowStatus MemberRows::status(std::int64_t row) const {
  return static_cast<RowStatus>(rows_of<std::uint8_t>(statuses)[row]);
}

std::int64_t MemberRows::id(std::int64_t row) const {
  return rows_of<std::int64_t>(ids)[row];
}

std::span<std::int64_t const> MemberRows::label(std::int64_t row) const {
  auto const& layout = input_.layout();
  if (!layout.labels) {
    return {};
  }
  auto const width = std::max<std::int64_t>(1, layout.label_counts);
  return {rows_of<std::int64_t>(columns_ - 1) + row * width, static_cast<std::size_t>(width)};
}

store::BlockFacts MemberRows::facts(std::int64_t block) const {
  return checked_.facts(block);
}

/// The file has the members of a sample together, the view has the samples of a member.
template <class Stored, class Real>
void MemberRows::copy(RowsView<Real> const& view, std::int64_t member_rows) const {
  auto const members = input_.members();
  auto const classes = input_.layout().classes;
  auto const* from = rows_of<Stored>(distributions);
  for (std::int64_t row = 0; row < count_; ++row) {
    for (std::int64_t member = 0; member < members; ++member) {
      auto* to = view.distributions + (member * member_rows + row) * classes;
      for (std::int64_t k = 0; k < classes; ++k) {
        to[k] = static_cast<Real>(from[(row * members + member) * classes + k]);
      }
    }
  }
}

template <class Real>
void MemberRows::put(RowsView<Real> view, std::int64_t member_rows) const {
  auto const& layout = input_.layout();
  if (layout.distribution_type == ElementType::float64) {
    copy<double>(view, member_rows);
  } else {
    copy<float>(view, member_rows);
  }
  for (std::int64_t member = 0; member < layout.members; ++member) {
    for (std::int64_t row = 0; row < count_; ++row) {
      view.flags[row] = status(row) == RowStatus::good ? 0 : row_nonfinite;
    }
    if (figures_) {
      std::copy_n(rows_of<float>(entropies), count_, view.entropy);
      std::copy_n(rows_of<std::int32_t>(predictions), count_, view.prediction);
    } else {
      host::describe(count_, layout.classes, view);
    }
    view.distributions += member_rows * layout.classes;
    view.entropy += member_rows;
    view.confidence += member_rows;
    view.prediction += member_rows;
    view.flags += member_rows;
  }
}

template void MemberRows::put(RowsView<float>, std::int64_t) const;
template void MemberRows::put(RowsView<double>, std::int64_t) const;

} // namespace fod
