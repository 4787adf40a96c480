#include "layout.hpp"

#include "fod/error.hpp"

namespace fod::store {

ResultReader::ResultReader(std::string const& path)
    : file_(h5::File::open(path)), layout_(read_layout(file_)) {
  if (file_.has_attribute("/", "complete")) {
    complete_ = file_.attribute("/", "complete") == h5::Attribute(std::int64_t{1});
  }
}

std::string ResultReader::meta() const {
  return file_.read_text("/meta");
}

void ResultReader::read(std::string const& section, IndexRange rows, ElementType type,
                        void* out) const {
  auto const dataset = file_.dataset(section);
  auto const there = dataset.shape().empty() ? 0 : dataset.shape()[0];
  if (there != layout_.samples().size() || !dataset.stored_inside()) {
    throw bad_input(dataset.path() + " is damaged",
                    "it has " + std::to_string(there) + " rows of its own, the file " +
                        std::to_string(layout_.samples().size()),
                    "make the file again, or restore it from a backup");
  }
  dataset.read(rows, type, out);
}

} // namespace fod::store
