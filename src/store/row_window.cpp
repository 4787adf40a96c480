#include "row_window.hpp"

#include "fod/error.hpp"

#include <algorithm>

namespace fod::store {

namespace {
constexpr std::int64_t window_bytes = std::int64_t{1} << 20;
}

std::byte const* RowWindow::at(IndexRange rows) {
  if (rows.begin < held_.begin || rows.end > held_.end) {
    auto const fitting = window_bytes / section_.row_bytes();
    auto const end = std::min(rows_.end, rows.begin + fitting);
    try {
      read({rows.begin, std::max(rows.end, end)});
    } catch (Error const&) {
      if (end <= rows.end) {
        throw;
      }
      read(rows); // what is behind them may be damaged
    }
  }
  return bytes_.data() + (rows.begin - held_.begin) * section_.row_bytes();
}

void RowWindow::read(IndexRange rows) {
  held_ = {};
  auto const bytes = static_cast<std::size_t>(rows.size() * section_.row_bytes());
  bytes_.resize(std::max(bytes_.size(), bytes));
  reader_.read(section_.path, rows, section_.type, bytes_.data());
  held_ = rows;
}

} // namespace fod::store
