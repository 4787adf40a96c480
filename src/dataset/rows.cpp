#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace fod {

namespace {

std::string samples_text(IndexRange range, std::string const& path) {
  return "cannot read samples " + std::to_string(range.begin) + " to " + std::to_string(range.end) +
         " of " + path;
}

template <std::size_t Size>
void swap_each(std::span<std::byte> elements) {
  for (std::size_t i = 0; i + Size <= elements.size(); i += Size) {
    auto const element = elements.subspan(i, Size);
    std::reverse(element.begin(), element.end());
  }
}

std::span<std::byte const> bytes_of(RowSource::Storage const& storage) {
  if (auto const* file = std::get_if<MappedFile>(&storage)) {
    return file->bytes();
  }
  return std::get<std::vector<std::byte>>(storage);
}

} // namespace

Rows rows_of(std::string const& path, FieldSpec field, Shape const& shape) {
  if (shape.empty()) {
    throw bad_input(path + " holds a single number", "its shape is ()",
                    "store one row per sample, with shape (N, ...)");
  }
  field.shape.assign(shape.begin() + 1, shape.end());
  auto sample_bytes = static_cast<std::int64_t>(size_of(field.type));
  bool fits = shape[0] >= 0;
  for (auto const extent : field.shape) {
    fits = fits && extent >= 0 && !__builtin_mul_overflow(sample_bytes, extent, &sample_bytes);
  }
  Rows rows{std::move(field), shape[0], 0};
  if (!fits || __builtin_mul_overflow(sample_bytes, rows.size, &rows.bytes)) {
    throw bad_input(path + " says that its shape is " + to_string(shape),
                    "that many bytes do not fit 63 bits", "the file is damaged, write it again");
  }
  if (rows.size > 0 && rows.bytes == 0) {
    throw bad_input(path + " has samples without elements", "its shape is " + to_string(shape),
                    "store samples of one element at least");
  }
  return rows;
}

void check_request(std::string const& path, Rows const& rows, IndexRange range,
                   std::span<std::byte const> out) {
  if (range.begin < 0 || range.begin > range.end || range.end > rows.size) {
    throw run_failure(samples_text(range, path),
                      "it has " + std::to_string(rows.size) + " samples");
  }
  auto const needed = static_cast<std::size_t>(range.size() * rows.field.sample_bytes());
  if (out.size() != needed) {
    throw run_failure(samples_text(range, path), "they take " + std::to_string(needed) +
                                                     " bytes, not " + std::to_string(out.size()));
  }
}

void check_booleans(std::string const& path, Rows const& rows, IndexRange range,
                    std::span<std::byte const> values) {
  auto const wrong = std::find_if(values.begin(), values.end(),
                                  [](std::byte value) { return value > std::byte{1}; });
  if (wrong == values.end()) {
    return;
  }
  auto const sample = range.begin + (wrong - values.begin()) / rows.field.sample_bytes();
  throw run_failure("sample " + std::to_string(sample) + " of " + path + " holds the bool " +
                        std::to_string(std::to_integer<int>(*wrong)),
                    "a bool is 0 or 1", "store the values as uint8");
}

void swap_bytes(std::span<std::byte> elements, std::size_t size) {
  switch (size) {
  case 2:
    return swap_each<2>(elements);
  case 4:
    return swap_each<4>(elements);
  case 8:
    return swap_each<8>(elements);
  default:
    return;
  }
}

std::string leading_bytes(std::span<std::byte const> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (auto const byte : bytes.first(std::min<std::size_t>(bytes.size(), 8))) {
    auto const value = std::to_integer<std::size_t>(byte);
    text += text.empty() ? "" : " ";
    text += digits[value / 16];
    text += digits[value % 16];
  }
  return text;
}

RowSource::RowSource(std::string path, Rows rows, Storage storage, std::size_t offset, bool swapped)
    : path_(std::move(path)), rows_(std::move(rows)), storage_(std::move(storage)), offset_(offset),
      swapped_(swapped) {}

void RowSource::read(IndexRange range, std::span<std::byte> out) const {
  check_request(path_, rows_, range, out);
  if (out.empty()) {
    return; // there may be no memory to copy from
  }
  auto const first = offset_ + static_cast<std::size_t>(range.begin * rows_.field.sample_bytes());
  std::memcpy(out.data(), bytes_of(storage_).subspan(first, out.size()).data(), out.size());
  if (swapped_) {
    swap_bytes(out, size_of(rows_.field.type));
  }
  if (rows_.field.type == ElementType::boolean) {
    check_booleans(path_, rows_, range, out);
  }
}

} // namespace fod
