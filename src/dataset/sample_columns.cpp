#include "fod/sample_columns.hpp"

#include "column_sources.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"
#include "fod/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <set>

namespace fod {

namespace {

constexpr std::int64_t piece = 65536; ///< samples that are read at a time

void require_entries(std::int64_t entries, std::int64_t samples, std::string const& spec,
                     std::string const& flag, bool header) {
  if (entries != samples) {
    throw bad_input(flag + " has " + grouped(entries) + (entries == 1 ? " entry" : " entries") +
                        ", the dataset " + counted(samples, "sample"),
                    header ? "the first line of " + spec + " was taken for names" : "in " + spec,
                    "give one per sample, in the same order");
  }
}

/// The value, if all of `text` is a decimal number of 64 bits.
std::optional<std::int64_t> whole_number(std::string const& text) {
  std::int64_t value = 0;
  auto const end = text.data() + text.size();
  auto const [at, problem] = std::from_chars(text.data(), end, value);
  return problem == std::errc{} && at == end ? std::optional(value) : std::nullopt;
}

void sort_names(std::vector<std::string>& names) {
  bool const whole = std::all_of(names.begin(), names.end(),
                                 [](std::string const& name) { return whole_number(name); });
  if (whole) { // "7" and "07" are different names of one value
    std::stable_sort(names.begin(), names.end(), [](std::string const& a, std::string const& b) {
      return *whole_number(a) < *whole_number(b);
    });
  }
}

} // namespace

SampleTexts::SampleTexts(std::string const& spec, std::int64_t samples, std::string const& flag) {
  auto opened = open_column(spec, samples, {flag, ColumnUse::texts});
  require_entries(opened.column->size(), samples, spec, flag, opened.header);
  column_ = std::move(opened.column);
}

SampleCategories::SampleCategories(std::string const& spec, std::int64_t samples,
                                   std::string const& flag) {
  auto opened = open_column(spec, samples, {flag, ColumnUse::categories});
  require_entries(opened.column->size(), samples, spec, flag, opened.header);
  column_ = std::move(opened.column);
  std::set<std::string> found;
  for (std::int64_t begin = 0; begin < samples; begin += piece) {
    auto entries = column_->read({begin, std::min(begin + piece, samples)});
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!is_utf8(entries[i])) {
        throw bad_input("the category of sample " +
                            std::to_string(begin + static_cast<std::int64_t>(i)) + " in " + spec +
                            " is no UTF-8",
                        "", "save the file in UTF-8");
      }
      found.insert(std::move(entries[i]));
    }
    if (found.size() > most + 1) {
      throw bad_input(flag + " has more than " + grouped(most) + " different entries",
                      "in the first " + counted(std::min(begin + piece, samples), "sample") +
                          " of " + spec,
                      "give texts with --texts, from which rules make categories");
    }
  }
  found.erase("");
  names_.assign(found.begin(), found.end());
  sort_names(names_);
  for (auto const& name : names_) {
    indices_.emplace(name, static_cast<std::int32_t>(indices_.size()));
  }
}

std::vector<std::int32_t> SampleCategories::read(IndexRange samples) const {
  auto const entries = column_->read(samples);
  std::vector<std::int32_t> categories(entries.size(), -1);
  std::transform(entries.begin(), entries.end(), categories.begin(), [&](std::string const& entry) {
    auto const found = indices_.find(entry);
    return found == indices_.end() ? -1 : found->second;
  });
  return categories;
}

SampleNumbers::SampleNumbers(std::string const& spec, std::int64_t samples, std::string const& flag)
    : column_(open_numbers(spec, samples, flag)) {
  require_entries(column_->size(), samples, spec, flag, column_->header());
}

void SampleNumbers::read(IndexRange samples, std::span<double> out) const {
  column_->read(samples, out);
}

} // namespace fod
