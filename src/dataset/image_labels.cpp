#include "formats.hpp"
#include "image_listing.hpp"
#include "rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fod {

namespace {

/// The class of every image, as int64.
class ImageLabels final : public DataSource {
public:
  ImageLabels(std::string folder, std::string name) : folder_(std::move(folder)) {
    ImageListing const listing(folder_);
    rows_ = rows_of(folder_, {std::move(name), ElementType::int64, {}}, {listing.size()});
    begins_ = listing.class_begins();
    names_ = listing.class_names();
  }

  [[nodiscard]] FieldSpec const& field() const override { return rows_.field; }
  [[nodiscard]] std::int64_t size() const override { return rows_.size; }
  [[nodiscard]] std::vector<std::string> class_names() const override { return names_; }

  void read(IndexRange range, std::span<std::byte> out) const override {
    check_request(folder_, rows_, range, out);
    for (auto sample = range.begin; sample < range.end; ++sample) {
      auto const next = std::upper_bound(begins_.begin(), begins_.end(), sample);
      std::int64_t const label = next - begins_.begin() - 1;
      auto const at = static_cast<std::size_t>(sample - range.begin) * sizeof(label);
      std::memcpy(out.data() + at, &label, sizeof(label));
    }
  }

private:
  std::string folder_;
  Rows rows_;
  std::vector<std::int64_t> begins_;
  std::vector<std::string> names_;
};

} // namespace

std::unique_ptr<DataSource> open_image_labels(std::string const& folder, std::string name) {
  return std::make_unique<ImageLabels>(folder, std::move(name));
}

} // namespace fod
