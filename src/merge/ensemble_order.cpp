#include "ensemble_inputs.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <numeric>

namespace fod {

namespace {

constexpr std::int64_t piece_rows = std::int64_t{1} << 18;
/// Rows of a file in another order are held in memory, up to so many bytes.
constexpr std::int64_t most_held = std::int64_t{256} << 20;

using Ids = std::vector<std::int64_t>;

Ids ids_of(store::ResultReader const& reader, IndexRange rows) {
  Ids ids(static_cast<std::size_t>(rows.size()));
  reader.read("/sample_ids", rows, ElementType::int64, ids.data());
  return ids;
}

/// The first row whose ids differ; the number of rows if none does.
std::int64_t first_difference(store::ResultReader const& first, store::ResultReader const& other) {
  auto const rows = first.rows();
  for (std::int64_t begin = 0; begin < rows; begin += piece_rows) {
    IndexRange const piece{begin, std::min(rows, begin + piece_rows)};
    auto const a = ids_of(first, piece);
    auto const b = ids_of(other, piece);
    auto const found = std::mismatch(a.begin(), a.end(), b.begin()).first;
    if (found != a.end()) {
      return begin + (found - a.begin());
    }
  }
  return rows;
}

/// Row numbers, in the order of the rows' ids.
Ids by_id(Ids const& ids) {
  Ids rows(ids.size());
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  std::sort(rows.begin(), rows.end(), [&](std::int64_t a, std::int64_t b) {
    return ids[static_cast<std::size_t>(a)] < ids[static_cast<std::size_t>(b)];
  });
  return rows;
}

std::int64_t at(Ids const& values, std::int64_t place) {
  return values[static_cast<std::size_t>(place)];
}

[[noreturn]] void refuse_samples(store::ResultReader const& first, store::ResultReader const& other,
                                 std::string const& why) {
  throw bad_input(first.path() + " and " + other.path() + " do not hold the same samples", why,
                  "give files of models that were run over the same samples");
}

std::int64_t bytes_of(store::ResultReader const& reader) {
  auto const& layout = reader.layout();
  return reader.rows() * (layout.members * layout.classes *
                              static_cast<std::int64_t>(size_of(layout.distribution_type)) +
                          32);
}

} // namespace

Ids order_of(store::ResultReader const& first, store::ResultReader const& other) {
  if (first.rows() != other.rows()) {
    refuse_samples(first, other,
                   grouped(first.rows()) + " in one, " + grouped(other.rows()) + " in the other");
  }
  auto const row = first_difference(first, other);
  if (row == first.rows()) {
    return {};
  }
  auto const in_first = ids_of(first, {row, row + 1})[0];
  auto const in_other = ids_of(other, {row, row + 1})[0];
  if (bytes_of(other) > most_held) {
    throw bad_input(other.path() + " holds its samples in another order than " + first.path() +
                        ", or other ones",
                    "row " + std::to_string(row) + " is sample " + std::to_string(in_other) +
                        ", not " + std::to_string(in_first) + "; rows of up to " +
                        byte_size(most_held) + " are put in order, its are " +
                        byte_size(bytes_of(other)),
                    "write its rows in the order of the others, and import them again");
  }
  auto const a = ids_of(first, {0, first.rows()});
  auto const b = ids_of(other, {0, other.rows()});
  auto const rows_of_a = by_id(a);
  auto const rows_of_b = by_id(b);
  Ids order(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto const left = at(a, rows_of_a[i]);
    auto const right = at(b, rows_of_b[i]);
    if (left != right) {
      refuse_samples(first, other,
                     "sample " + std::to_string(std::min(left, right)) + " is in " +
                         (left < right ? first.path() : other.path()) + " alone");
    }
    order[static_cast<std::size_t>(rows_of_a[i])] = rows_of_b[i];
  }
  return order;
}

} // namespace fod
