#include "distance_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fod::groups {

namespace {

/// Rows whose begins do not fall into the same few places of a cache when n is a power of two.
std::int64_t stride_for(std::int64_t width) {
  constexpr std::int64_t line = 8;
  return ((width + line - 1) / line | 1) * line;
}

} // namespace

DistanceRows::DistanceRows(MatrixView r)
    : r_(r), width_(r.n), stride_(stride_for(r.n)), alive_(r.n), rows_(pages(stride_ * (r.n / 2))),
      columns_(static_cast<std::size_t>(r.n)), column_of_(static_cast<std::size_t>(r.n)),
      penalty_(static_cast<std::size_t>(r.n)) {
  for (std::int64_t i = 0; i < r.n; ++i) {
    column(i).cluster = i;
    column_of_[static_cast<std::size_t>(i)] = i;
  }
  for (auto& copy : copies_) {
    copy.values.resize(static_cast<std::size_t>(r.n));
  }
}

/// Distances that merges after the first `since` have made.
void DistanceRows::take_over(std::int64_t at, double* row, std::int64_t since) const {
  auto const begin = std::ranges::upper_bound(made_, since, {}, &Made::merge);
  for (auto made = begin; made != made_.end(); ++made) {
    if (made->row != nullptr) {
      row[made->column] = made->row[at];
    }
  }
}

/// Its row is no longer what it was made with.
void DistanceRows::forget(Column& merged) {
  if (merged.made < 0) {
    return;
  }
  made_[static_cast<std::size_t>(merged.made)].row = nullptr;
  merged.made = -1;
  if (++forgotten_ * 4 > std::ssize(made_)) {
    std::erase_if(made_, [](Made const& made) { return made.row == nullptr; });
    forgotten_ = 0;
    for (std::int64_t k = 0; k < std::ssize(made_); ++k) {
      column(made_[static_cast<std::size_t>(k)].column).made = k;
    }
  }
}

double const* DistanceRows::row_of(std::int64_t at) {
  auto& own = column(at);
  auto const now = merges_;
  if (own.slot >= 0) {
    take_over(at, row_in(own.slot), std::exchange(own.read, now));
    return row_in(own.slot);
  }
  for (std::size_t k = 0; k < copies_.size(); ++k) {
    if (copies_[k].column == at) {
      older_ = 1 - k;
      take_over(at, copies_[k].values.data(), std::exchange(copies_[k].read, now));
      return copies_[k].values.data();
    }
  }
  auto& copy = copies_[older_];
  older_ = 1 - older_;
  copy.column = at;
  copy.read = now;
  loops::distances(r_.row(own.cluster), width_, copy.values.data());
  take_over(at, copy.values.data(), 0);
  return copy.values.data();
}

Neighbour DistanceRows::nearest(std::int64_t cluster, std::int64_t before) {
  auto const at = column_of_[static_cast<std::size_t>(cluster)];
  auto const* row = row_of(at);
  penalty_[static_cast<std::size_t>(at)] = loops::far; // no cluster is its own neighbour
  auto const least = loops::least(row, penalty_.data(), width_);
  penalty_[static_cast<std::size_t>(at)] = 0;
  if (before >= 0) {
    auto const distance = row[column_of_[static_cast<std::size_t>(before)]];
    if (distance <= least.value) {
      return {before, distance};
    }
  }
  return {column(least.index).cluster, least.value};
}

/// Where the row of both goes: in place of one, or into a new slot.
std::int64_t DistanceRows::slot_for(Column& first, Column& second) {
  if (first.slot >= 0 && second.slot >= 0) {
    free_.push_back(first.slot);
  }
  if (auto const slot = std::max(first.slot, second.slot); slot >= 0) {
    return second.slot >= 0 ? second.slot : slot;
  }
  if (free_.empty()) {
    return slots_++;
  }
  auto const slot = free_.back();
  free_.pop_back();
  return slot;
}

void DistanceRows::merge(std::int64_t first, std::int64_t second, std::int64_t first_size,
                         std::int64_t second_size, double) {
  auto const x = column_of_[static_cast<std::size_t>(first)];
  auto const y = column_of_[static_cast<std::size_t>(second)];
  auto const* const row_x = row_of(x);
  auto const* const row_y = row_of(y);
  auto const slot = slot_for(column(x), column(y));
  loops::weighted_mean(row_x, row_y, static_cast<double>(first_size),
                       static_cast<double>(second_size), width_, row_in(slot));
  penalty_[static_cast<std::size_t>(x)] = loops::far;
  for (auto& copy : copies_) {
    copy.column = copy.column == x || copy.column == y ? -1 : copy.column;
  }
  forget(column(x));
  forget(column(y));
  ++merges_;
  column(y) = {second, slot, std::ssize(made_), merges_};
  made_.push_back({merges_, y, row_in(slot)});
  --alive_;
  if (alive_ > 1 && alive_ * 2 <= width_) {
    pack();
  }
}

/// Gives each cluster that is left a row of these clusters alone.
void DistanceRows::pack() {
  std::vector<std::int64_t> left;                           // columns
  std::vector<std::pair<std::int64_t, std::int64_t>> taken; // slots and their columns
  for (std::int64_t at = 0; at < width_; ++at) {
    if (penalty_[static_cast<std::size_t>(at)] == 0) {
      left.push_back(at);
      if (auto const slot = column(at).slot; slot >= 0) {
        row_of(at);
        taken.emplace_back(slot, at);
      }
    }
  }
  auto const width = std::ssize(left);
  std::ranges::sort(taken);
  auto const stride = stride_for(width);
  slots_ = 0;
  for (auto const& [slot, at] : taken) { // in place: no row goes behind where it was
    auto const* const from = row_in(slot);
    auto* const to = rows_.get() + slots_ * stride;
    for (std::int64_t k = 0; k < width; ++k) {
      to[k] = from[left[static_cast<std::size_t>(k)]];
    }
    column(at).slot = slots_++;
  }
  width_ = width;
  stride_ = stride;
  std::vector<Column> columns;
  for (std::int64_t k = 0; k < width; ++k) {
    columns.push_back(column(left[static_cast<std::size_t>(k)]));
    column_of_[static_cast<std::size_t>(columns.back().cluster)] = k;
    columns.back().made = -1;
    columns.back().read = 0;
  }
  std::vector<std::int64_t> merged; // the new columns that have a row already
  for (std::int64_t k = 0; k < width; ++k) {
    if (columns[static_cast<std::size_t>(k)].slot >= 0) {
      merged.push_back(k);
    }
  }
  for (std::int64_t k = 0; k < width; ++k) {
    auto& own = columns[static_cast<std::size_t>(k)];
    if (own.slot >= 0) {
      continue;
    }
    own.slot = slots_++;
    auto* const to = row_in(own.slot);
    auto const* const from = r_.row(own.cluster);
    for (std::int64_t j = 0; j < width; ++j) {
      to[j] = 1.0 - std::abs(from[columns[static_cast<std::size_t>(j)].cluster]);
    }
    for (auto const j : merged) {
      to[j] = row_in(columns[static_cast<std::size_t>(j)].slot)[k];
    }
  }
  columns_ = std::move(columns);
  penalty_.assign(static_cast<std::size_t>(width), 0.0);
  made_.clear();
  forgotten_ = 0;
  merges_ = 0;
  free_.clear();
  copies_[0].column = -1;
  copies_[1].column = -1;
}

Dendrogram average_linkage(MatrixView r) {
  DistanceRows rows(r);
  return nearest_neighbour_chain(rows, r.n);
}

} // namespace fod::groups
