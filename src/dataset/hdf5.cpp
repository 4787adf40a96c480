#include "formats.hpp"
#include "rows.hpp"

#include "fod/error.hpp"
#include "fod/h5.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace fod {

namespace {

/// Samples of an HDF5 dataset of any layout; HDF5 converts byte order and fills what was not
/// written.
class Hdf5Source final : public DataSource {
public:
  Hdf5Source(h5::File file, h5::Dataset dataset, Rows rows)
      : file_(std::move(file)), dataset_(std::move(dataset)), rows_(std::move(rows)) {}

  [[nodiscard]] FieldSpec const& field() const override { return rows_.field; }
  [[nodiscard]] std::int64_t size() const override { return rows_.size; }

  void read(IndexRange range, std::span<std::byte> out) const override {
    check_request(dataset_.path(), rows_, range, out);
    dataset_.read(range, rows_.field.type, out.data());
    if (rows_.field.type == ElementType::boolean) {
      check_booleans(dataset_.path(), rows_, range, out);
    }
  }

private:
  h5::File file_;
  h5::Dataset dataset_;
  Rows rows_;
};

} // namespace

bool is_hdf5(std::span<std::byte const> bytes) {
  constexpr std::array<unsigned char, 8> magic{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  auto const begins_at = [&](std::size_t at) {
    return bytes.size() >= magic.size() && at <= bytes.size() - magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                      [](unsigned char a, std::byte b) { return std::byte{a} == b; });
  };
  // A block of the user's (as MATLAB writes) may come first.
  constexpr std::array<std::size_t, 5> places{0, 512, 1024, 2048, 4096};
  return std::any_of(places.begin(), places.end(), begins_at);
}

std::string hdf5_members(std::string const& path) {
  constexpr std::size_t most = 10;
  auto const names = h5::File::open(path).members("/");
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
    text += (i == 0 ? "/" : ", /") + names[i];
  }
  return names.size() > most ? text + ", ..." : text;
}

std::unique_ptr<DataSource> open_hdf5(std::string const& path, std::string const& object,
                                      std::string name) {
  auto file = h5::File::open(path);
  auto dataset = file.dataset(object);
  auto rows = rows_of(dataset.path(), {std::move(name), dataset.type(), {}}, dataset.shape());
  if (rows.size > 0 && !dataset.can_hold(1)) {
    throw bad_input(dataset.path() + " claims more than it holds",
                    "its shape is " + to_string(dataset.shape()) +
                        ", but fewer bytes are stored than one sample takes",
                    "write it again, or restore it from a backup");
  }
  return std::make_unique<Hdf5Source>(std::move(file), std::move(dataset), std::move(rows));
}

} // namespace fod
