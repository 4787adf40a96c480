#include "layout.hpp"

#include "fod/error.hpp"

namespace fod::store {

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

} // namespace fod::store
