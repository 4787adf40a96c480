#include "ensemble_source.hpp"

#include <cstring>

namespace fod {

namespace {

constexpr char const* ids = "/sample_ids";
constexpr char const* status_path = "/row_status";
constexpr char const* labels = "/labels";
constexpr char const* entropy = "/uncertainty/entropy";
constexpr char const* prediction = "/uncertainty/prediction";
constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;

char const* rows_path(store::Layout const& layout) {
  return layout.members > 1 ? "/members" : "/distributions";
}

/// What a file says of a single member is taken as it is; of several it is worked out.
bool has_figures(store::Layout const& layout) {
  return layout.members == 1 && layout.uncertainty;
}

std::vector<std::string> paths_of(store::Layout const& layout) {
  std::vector<std::string> paths{ids, status_path, rows_path(layout)};
  if (has_figures(layout)) {
    paths.insert(paths.end(), {entropy, prediction});
  }
  if (layout.labels) {
    paths.emplace_back(labels);
  }
  return paths;
}

template <class T>
T const* as(std::vector<std::byte> const& bytes) {
  return reinterpret_cast<T const*>(bytes.data());
}

} // namespace

MemberRows::MemberRows(EnsembleInput const& input)
    : input_(input), paths_(paths_of(input.layout())), checked_(input.reader, paths_) {
  if (!input.order.empty()) {
    hold_all();
  }
}

void MemberRows::hold_all() {
  auto const rows = input_.reader.rows();
  auto const step = std::max<std::int64_t>(
      1, piece_bytes / checked_.section(2).row_bytes()); // of the widest section
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    checked_.next(std::min(step, rows - begin));
    for (std::size_t s = 0; s < paths_.size(); ++s) {
      auto& column = held_[paths_[s]];
      column.insert(column.end(), checked_.data(s).begin(), checked_.data(s).end());
    }
  }
}

void MemberRows::next(std::int64_t rows) {
  if (input_.order.empty()) {
    checked_.next(rows);
    for (std::size_t s = 0; s < paths_.size(); ++s) {
      rows_[paths_[s]] = checked_.data(s);
    }
  } else {
    for (std::size_t s = 0; s < paths_.size(); ++s) {
      auto const bytes = static_cast<std::size_t>(checked_.section(s).row_bytes());
      auto& column = rows_[paths_[s]];
      column.resize(static_cast<std::size_t>(rows) * bytes);
      for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
        auto const row = input_.order[static_cast<std::size_t>(row_) + i];
        std::memcpy(column.data() + i * bytes,
                    held_.at(paths_[s]).data() + static_cast<std::size_t>(row) * bytes, bytes);
      }
    }
  }
  row_ += rows;
  count_ = rows;
}

std::vector<std::byte> const& MemberRows::column(char const* path) const {
  return rows_.at(path);
}

RowStatus MemberRows::status(std::int64_t row) const {
  return static_cast<RowStatus>(as<std::uint8_t>(column(status_path))[row]);
}

std::int64_t MemberRows::id(std::int64_t row) const {
  return as<std::int64_t>(column(ids))[row];
}

std::span<std::int64_t const> MemberRows::label(std::int64_t row) const {
  auto const& layout = input_.layout();
  if (!layout.labels) {
    return {};
  }
  auto const width = std::max<std::int64_t>(1, layout.label_counts);
  return {as<std::int64_t>(column(labels)) + row * width, static_cast<std::size_t>(width)};
}

store::BlockFacts MemberRows::facts(std::int64_t block) const {
  return checked_.facts(block);
}

/// The file has the members of a sample together, the view has the samples of a member.
template <class Stored, class Real>
void MemberRows::copy(RowsView<Real> const& view, std::int64_t member_rows) const {
  auto const members = input_.members();
  auto const classes = input_.layout().classes;
  auto const* from = as<Stored>(column(rows_path(input_.layout())));
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
    if (has_figures(layout)) {
      std::copy_n(as<float>(column(entropy)), count_, view.entropy);
      std::copy_n(as<std::int32_t>(column(prediction)), count_, view.prediction);
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
