#pragma once

#include "mapped_file.hpp"

#include "fod/dataset.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

/// What all formats share: a checked shape, and samples that lie one after another in memory.
namespace fod {

/// What a file says it holds: `size` samples like `field`.
struct Rows {
  FieldSpec field;
  std::int64_t size = 0;
  std::int64_t bytes = 0; ///< of all samples
};

/// Takes a header at its word as far as that is possible at all.
/// @param shape with the samples' dimension first
/// @throws Error (usage) for a scalar, a size beyond 63 bits or samples without elements
Rows rows_of(std::string const& path, FieldSpec field, Shape const& shape);

/// @throws Error (failed) if `range` is not within the samples or `out` is not its size
void check_request(std::string const& path, Rows const& rows, IndexRange range,
                   std::span<std::byte const> out);

/// Torch's bools are 0 or 1; another byte (an enum of HDF5, say) must not become one silently.
/// @throws Error (failed) naming the sample
void check_booleans(std::string const& path, Rows const& rows, IndexRange range,
                    std::span<std::byte const> values);

/// Reverses the bytes of each element of `size` bytes.
void swap_bytes(std::span<std::byte> elements, std::size_t size);

/// The first few bytes as hexadecimal digits, for messages: "89 48 44 46".
std::string leading_bytes(std::span<std::byte const> bytes);

/// Samples one after another, in a mapped file or in memory of our own.
class RowSource final : public DataSource {
public:
  using Storage = std::variant<MappedFile, std::vector<std::byte>>;

  /// @param storage holds the samples from `offset` on; their size was checked
  /// @param swapped whether the bytes of an element are in the order that is not native
  RowSource(std::string path, Rows rows, Storage storage, std::size_t offset, bool swapped);

  [[nodiscard]] FieldSpec const& field() const override { return rows_.field; }
  [[nodiscard]] std::int64_t size() const override { return rows_.size; }
  void read(IndexRange range, std::span<std::byte> out) const override;

private:
  std::string path_;
  Rows rows_;
  Storage storage_;
  std::size_t offset_;
  bool swapped_;
};

} // namespace fod
