#include "blocks.hpp"

#include "fod/checked_rows.hpp"
#include "fod/error.hpp"

#include <array>
#include <filesystem>
#include <fstream>

namespace fod::store {

namespace {

/// @throws Error (usage) for what is no HDF5 file, saying what it is instead
void require_hdf5(std::string const& path) {
  auto const refuse = [&](std::string const& why, std::string const& remedy) {
    throw bad_input(path + " is no result file", why, remedy);
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    refuse("it is a folder", "name the file in it");
  }
  std::array<char, 8> bytes{};
  std::ifstream(path, std::ios::binary).read(bytes.data(), bytes.size());
  std::string_view const start(bytes.data(), bytes.size());
  if (start == "\x89HDF\r\n\x1a\n") {
    return;
  }
  std::string const given = "give a file written by fod-generate, or make one with `fod import`";
  if (start.starts_with('{')) {
    refuse("it looks like JSON, not HDF5", "make a result file of it with `fod import`");
  }
  if (start.starts_with("\x93NUMPY")) {
    refuse("it is a .npy array, not HDF5", given);
  }
  refuse("it is not readable, or no HDF5 file", given);
}

} // namespace

ResultReader open_result(std::string const& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    auto const partial = partial_path(path);
    bool const unfinished = fs::exists(partial, ignored);
    throw bad_input(
        path + " does not exist", unfinished ? partial + " does: its job has not finished" : "",
        unfinished ? "let the job finish, or run it again with --resume" : "check the path");
  }
  require_hdf5(path);
  return ResultReader(path);
}

void require_shape(ResultReader const& reader, std::string const& path, Shape const& shape) {
  auto const dataset = reader.file().dataset(path);
  if (dataset.shape() != shape || !dataset.can_hold(reader.rows())) {
    throw bad_input(reader.path() + " is damaged",
                    path + " has shape " + to_string(dataset.shape()) + " where " +
                        to_string(shape) + " is on record, or lacks its bytes",
                    "make it again, or restore it from a backup");
  }
}

ResultReader::ResultReader(std::string const& path)
    : file_(h5::File::open(path)), layout_(read_layout(file_)),
      ledgers_(read_ledgers(file_, layout_)) {
  if (file_.has_attribute("/", "complete")) {
    complete_ = file_.attribute("/", "complete") == h5::Attribute(std::int64_t{1});
  }
}

std::string ResultReader::creation() const {
  auto const value =
      file_.has_attribute("/", "creation") ? file_.attribute("/", "creation") : h5::Attribute();
  auto const* text = std::get_if<std::string>(&value);
  return text == nullptr ? std::string() : *text;
}

std::string ResultReader::meta() const {
  return file_.read_text("/meta");
}

void ResultReader::read(std::string const& section, IndexRange rows, ElementType type,
                        void* out) const {
  auto const dataset = file_.dataset(section);
  bool fits = false;
  for (auto const& ledger : ledgers_) {
    for (auto const& known : ledger.sections) {
      fits = fits || (known.path == section && dataset.shape() == shape_of(known, layout_) &&
                      dataset.can_hold(rows.size()));
    }
  }
  if (!fits) {
    throw bad_input(dataset.path() + " is damaged",
                    "its shape " + to_string(dataset.shape()) + " does not fit the " +
                        std::to_string(layout_.samples().size()) + " samples and " +
                        std::to_string(layout_.classes) + " classes of the file",
                    "make the file again, or restore it from a backup");
  }
  dataset.read(rows, type, out);
}

void visit_rows(ResultReader const& reader, RowVisitor& visitor) {
  auto const& layout = reader.layout();
  auto const& ledger = reader.ledgers().front();
  BlockScanner scanner(reader, ledger);
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    if (!scanner.done(block)) {
      throw damaged_block(reader, block, "not marked done in /ledger");
    }
    auto const digests =
        scanner.scan(block, [&](std::size_t s, IndexRange rows, std::byte const* data) {
          visitor.rows(scanner.section(s), rows, data);
        });
    for (std::size_t s = 0; s < digests.size(); ++s) {
      if (digests[s] != scanner.recorded(block, s)) {
        throw damaged_block(reader, block,
                            "the checksum of " + scanner.section(s).path + " differs");
      }
    }
    visitor.end_block(block, scanner.facts(block));
  }
}

} // namespace fod::store
