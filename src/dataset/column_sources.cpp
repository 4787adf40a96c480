#include "column_sources.hpp"

#include "formats.hpp"
#include "text_table.hpp"

#include "fod/elements.hpp"
#include "fod/error.hpp"
#include "fod/h5.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace fod {

namespace {

std::optional<TextFormat> text_format(std::string_view path) {
  if (path.ends_with(".txt")) {
    return TextFormat{'\n', true};
  }
  if (path.ends_with(".csv") || path.ends_with(".tsv")) {
    return TextFormat{path.ends_with(".csv") ? ',' : '\t', false};
  }
  return std::nullopt;
}

std::string accepted(ColumnUse use) {
  return use == ColumnUse::texts
             ? "give x.txt with a text per line, x.csv:column, or strings in HDF5, x.h5:/path"
             : "give x.csv:column, x.npy, or a dataset in HDF5, x.h5:/path";
}

/// The number that a text stands for, NaN for an empty one; nothing if it stands for none.
std::optional<double> number_of(std::string_view text) {
  constexpr std::string_view spaces = " \t";
  auto const begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  text = text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
  double value = 0;
  auto const end = text.data() + text.size();
  auto const [at, problem] = std::from_chars(text.data(), end, value);
  return problem == std::errc{} && at == end ? std::optional(value) : std::nullopt;
}

void check_number(std::string const& entry) {
  if (!number_of(entry)) {
    throw bad_input("'" + entry + "' is no number", "",
                    "write numbers as 0.5 or 1e-3; leave unknown ones empty");
  }
}

class Hdf5Texts final : public TextColumn {
public:
  Hdf5Texts(h5::File file, std::string const& object)
      : file_(std::move(file)), dataset_(file_.text_dataset(object)) {
    auto const& shape = dataset_.shape();
    if (shape.size() != 1 && !(shape.size() == 2 && shape[1] == 1)) {
      throw bad_input(dataset_.path() + " has the shape " + to_string(shape),
                      "one string per sample is needed, (N,) or (N,1)", "save them so");
    }
  }
  [[nodiscard]] std::int64_t size() const override { return dataset_.shape()[0]; }
  [[nodiscard]] std::vector<std::string> read(IndexRange samples) const override {
    return dataset_.read(samples);
  }

private:
  h5::File file_;
  h5::TextDataset dataset_;
};

/// Numbers of .npy and HDF5.
class Numbers final : public SampleNumbers::Column {
public:
  Numbers(std::string const& spec, std::string const& flag) : source_(open_source(spec, flag)) {
    auto const& shape = source_->field().shape;
    if (element_count(shape) != 1) {
      throw bad_input(spec + " has the shape " + to_string(with_leading(source_->size(), shape)),
                      "one number per sample is needed, (N,) or (N,1)",
                      "save them so, numpy.save('x.npy', x.reshape(-1))");
    }
  }
  [[nodiscard]] std::int64_t size() const override { return source_->size(); }
  void read(IndexRange samples, std::span<double> out) const override {
    for_each(samples, [&](std::size_t i, Stored const& number) { out[i] = number.value; });
  }
  template <class Visit>
  void for_each(IndexRange samples, Visit visit) const {
    auto const type = source_->field().type;
    auto const size = size_of(type);
    std::vector<std::byte> bytes(static_cast<std::size_t>(samples.size()) * size);
    source_->read(samples, bytes);
    for (std::size_t i = 0; i < static_cast<std::size_t>(samples.size()); ++i) {
      visit(i, stored(type, bytes.data() + i * size));
    }
  }

private:
  std::unique_ptr<DataSource> source_;
};

/// Whole numbers as their digits.
class Digits final : public TextColumn {
public:
  Digits(std::string spec, std::string const& flag)
      : numbers_(spec, flag), spec_(std::move(spec)) {}
  [[nodiscard]] std::int64_t size() const override { return numbers_.size(); }
  [[nodiscard]] std::vector<std::string> read(IndexRange samples) const override {
    std::vector<std::string> texts(static_cast<std::size_t>(samples.size()));
    numbers_.for_each(samples, [&](std::size_t i, Stored const& number) {
      if (number.whole) {
        texts[i] = std::to_string(*number.whole);
      } else if (!std::isnan(number.value)) {
        throw bad_input("the category of sample " +
                            std::to_string(samples.begin + static_cast<std::int64_t>(i)) + " in " +
                            spec_ + " is " + std::to_string(number.value),
                        "categories are names or whole numbers",
                        "save whole numbers, and NaN for none");
      }
    });
    return texts;
  }

private:
  Numbers numbers_;
  std::string spec_;
};

/// Numbers of a file of text.
class WrittenNumbers final : public SampleNumbers::Column {
public:
  explicit WrittenNumbers(TextTable table) : table_(std::move(table)) {}
  [[nodiscard]] std::int64_t size() const override { return table_.size(); }
  [[nodiscard]] bool header() const override { return table_.has_header(); }
  void read(IndexRange samples, std::span<double> out) const override {
    auto const entries = table_.read(samples);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out[i] = number_of(entries[i]).value_or(std::numeric_limits<double>::quiet_NaN());
    }
  }

private:
  TextTable table_;
};

/// A file that is asked for, looked at.
struct Looked {
  Place place;
  MappedFile file;
  std::optional<TextFormat> text; ///< of a file of text
};

Looked look_at(std::string const& spec, ColumnAsker const& asker) {
  if (spec.empty()) {
    throw bad_input(asker.flag + " names no file", "", accepted(asker.use));
  }
  auto place = locate(spec);
  MappedFile file(place.file);
  bool const binary = is_hdf5(file.bytes()) || is_npy(file.bytes());
  auto const text = binary ? std::nullopt : text_format(place.file);
  bool const usable =
      binary ? asker.use != ColumnUse::texts || is_hdf5(file.bytes()) : text.has_value();
  if (!usable) {
    throw bad_input(asker.flag + " cannot read " + place.file,
                    binary ? "it is an array of numbers" : "it is of no known kind",
                    accepted(asker.use));
  }
  if (text && text->lines && !place.object.empty()) {
    throw bad_input(place.file + " has no columns", "a .txt holds one entry per line",
                    "write " + place.file + " alone");
  }
  return {std::move(place), std::move(file), text};
}

} // namespace

OpenedColumn open_column(std::string const& spec, std::int64_t samples, ColumnAsker const& asker) {
  auto looked = look_at(spec, asker);
  if (looked.text) {
    auto table = std::make_unique<TextTable>(
        std::move(looked.file), *looked.text,
        TableRequest{looked.place.object, samples, [](std::string const&) {}});
    bool const header = table->has_header();
    return {std::move(table), header};
  }
  if (!looked.place.object.empty()) {
    auto file = h5::File::open(looked.place.file);
    if (file.is_text(looked.place.object)) {
      return {std::make_unique<Hdf5Texts>(std::move(file), looked.place.object)};
    }
    if (asker.use == ColumnUse::texts && file.contains(looked.place.object)) {
      throw bad_input(asker.flag + " cannot read " + spec, "it holds no strings",
                      accepted(asker.use));
    }
  }
  return {std::make_unique<Digits>(spec, asker.flag)};
}

std::unique_ptr<SampleNumbers::Column const>
open_numbers(std::string const& spec, std::int64_t samples, std::string const& flag) {
  auto looked = look_at(spec, {flag, ColumnUse::numbers});
  if (looked.text) {
    return std::make_unique<WrittenNumbers>(TextTable(
        std::move(looked.file), *looked.text, {looked.place.object, samples, check_number}));
  }
  return std::make_unique<Numbers>(spec, flag);
}

} // namespace fod
