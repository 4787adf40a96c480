#include "formats.hpp"
#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <utility>

// The binary form of CIFAR: records of one label byte (CIFAR-10) or two, coarse and fine
// (CIFAR-100), and 3 x 32 x 32 bytes, channel after channel. There is no header, so the kind is
// named: cifar10:FILE, cifar100:FILE, or the folder with the training files.
// Source: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
namespace fod {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t image_bytes = std::size_t{3} * 32 * 32;

struct Kind {
  std::string_view scheme;
  std::size_t label_bytes;
  std::size_t label_at; ///< of the label that counts: the fine one
};
constexpr std::array kinds{Kind{"cifar10:", 1, 0}, Kind{"cifar100:", 2, 1}};

Kind const* kind_of(std::string_view spec) {
  auto const found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](Kind const& kind) { return spec.starts_with(kind.scheme); });
  return found == kinds.end() ? nullptr : found;
}

/// The file itself, or the training files of a folder in their order.
std::vector<std::string> files_of(std::string const& path) {
  if (!fs::is_directory(path)) {
    return {path};
  }
  std::vector<std::string> files;
  for (auto const* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "train.bin"}) {
    if (auto const file = fs::path(path) / name; fs::exists(file)) {
      files.push_back(file.string());
    }
  }
  if (files.empty()) {
    throw bad_input("the folder " + path + " holds no CIFAR training files",
                    "neither data_batch_1.bin nor train.bin is there",
                    "name the folder that they were unpacked to, or one file");
  }
  return files;
}

/// One part of every record: the image, or a label.
class RecordSource final : public DataSource {
public:
  RecordSource(std::string path, std::vector<MappedFile> files, FieldSpec field,
               std::size_t record_bytes, std::size_t offset)
      : path_(std::move(path)), files_(std::move(files)), record_bytes_(record_bytes),
        offset_(offset) {
    for (auto const& file : files_) {
      rows_.size += static_cast<std::int64_t>(file.bytes().size() / record_bytes_);
    }
    rows_.field = std::move(field);
    rows_.bytes = rows_.size * rows_.field.sample_bytes();
  }

  [[nodiscard]] FieldSpec const& field() const override { return rows_.field; }
  [[nodiscard]] std::int64_t size() const override { return rows_.size; }

  void read(IndexRange range, std::span<std::byte> out) const override {
    check_request(path_, rows_, range, out);
    auto const bytes = static_cast<std::size_t>(rows_.field.sample_bytes());
    auto* to = out.data();
    std::int64_t first = 0; // of the file
    for (auto const& file : files_) {
      auto const count = static_cast<std::int64_t>(file.bytes().size() / record_bytes_);
      auto const here = intersect(range, {first, first + count});
      for (auto sample = here.begin; sample < here.end; ++sample, to += bytes) {
        auto const record = static_cast<std::size_t>(sample - first) * record_bytes_;
        std::memcpy(to, file.bytes().data() + record + offset_, bytes);
      }
      first += count;
    }
  }

private:
  std::string path_;
  std::vector<MappedFile> files_;
  Rows rows_;
  std::size_t record_bytes_;
  std::size_t offset_;
};

} // namespace

bool is_cifar(std::string_view spec) {
  return kind_of(spec) != nullptr;
}

std::unique_ptr<DataSource> open_cifar(std::string const& spec, std::string name, CifarPart part) {
  auto const& kind = *kind_of(spec);
  auto const path = spec.substr(kind.scheme.size());
  auto const record = kind.label_bytes + image_bytes;
  std::vector<MappedFile> files;
  for (auto const& file : files_of(path)) {
    files.emplace_back(file);
    if (auto const bytes = files.back().bytes().size(); bytes % record != 0) {
      throw bad_input(file + " is no whole " +
                          std::string(kind.scheme.substr(0, kind.scheme.size() - 1)) + " file",
                      std::to_string(bytes) + " bytes are no multiple of a record's " +
                          std::to_string(record),
                      "download it again (the binary version), or name the other kind");
    }
  }
  bool const image = part == CifarPart::image;
  FieldSpec field{std::move(name), ElementType::uint8, image ? Shape{3, 32, 32} : Shape{}};
  return std::make_unique<RecordSource>(path, std::move(files), std::move(field), record,
                                        image ? kind.label_bytes : kind.label_at);
}

} // namespace fod
