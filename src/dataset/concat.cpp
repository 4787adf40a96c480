#include "formats.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace fod {

namespace {

/// Several inputs as one, joined along the first extent of a sample: in C order that is one
/// sample's bytes after the other's.
class ConcatSource final : public DataSource {
public:
  ConcatSource(std::vector<std::shared_ptr<DataSource>> parts, FieldSpec field)
      : parts_(std::move(parts)), field_(std::move(field)) {}

  [[nodiscard]] FieldSpec const& field() const override { return field_; }
  [[nodiscard]] std::int64_t size() const override { return parts_[0]->size(); }

  void read(IndexRange range, std::span<std::byte> out) const override {
    auto const stride = static_cast<std::size_t>(field_.sample_bytes());
    std::size_t offset = 0;
    for (auto const& part : parts_) {
      auto const bytes = static_cast<std::size_t>(part->field().sample_bytes());
      buffer_.resize(bytes * static_cast<std::size_t>(range.size()));
      part->read(range, buffer_);
      for (std::size_t i = 0; i * bytes < buffer_.size(); ++i) {
        std::memcpy(out.data() + i * stride + offset, buffer_.data() + i * bytes, bytes);
      }
      offset += bytes;
    }
  }

  [[nodiscard]] std::vector<std::int64_t> unreadable(IndexRange range) const override {
    return unreadable_of(parts_, range);
  }
  [[nodiscard]] int reading_threads() const override { return reading_threads_of(parts_); }
  [[nodiscard]] std::string sample_name(std::int64_t sample) const override {
    return sample_name_of(parts_, sample);
  }
  [[nodiscard]] std::vector<std::string> class_names() const override {
    return class_names_of(parts_);
  }
  [[nodiscard]] std::string description() const override {
    std::string text;
    for (auto const& part : parts_) {
      auto const own = part->description();
      text += (text.empty() || own.empty() ? "" : "; ") + own;
    }
    return text;
  }

private:
  std::vector<std::shared_ptr<DataSource>> parts_;
  FieldSpec field_;
  mutable std::vector<std::byte>
      buffer_; ///< one part's samples; kept, so that nothing is allocated
};

Shape without_first(Shape const& shape) {
  return {shape.begin() + 1, shape.end()};
}

std::string described(FieldSpec const& field) {
  return field.name + " " + std::string(name_of(field.type)) + " " + to_string(field.shape);
}

} // namespace

std::vector<std::int64_t> unreadable_of(Sources const& sources, IndexRange range) {
  std::set<std::int64_t> samples;
  for (auto const& source : sources) {
    auto const own = source->unreadable(range);
    samples.insert(own.begin(), own.end());
  }
  return {samples.begin(), samples.end()};
}

int reading_threads_of(Sources const& sources) {
  int most = 1;
  for (auto const& source : sources) {
    auto const own = source->reading_threads();
    if (own == 0) {
      return 0;
    }
    most = std::max(most, own);
  }
  return most;
}

std::string sample_name_of(Sources const& sources, std::int64_t sample) {
  for (auto const& source : sources) {
    if (auto name = source->sample_name(sample); !name.empty()) {
      return name;
    }
  }
  return {};
}

std::vector<std::string> class_names_of(Sources const& sources) {
  for (auto const& source : sources) {
    if (auto names = source->class_names(); !names.empty()) {
      return names;
    }
  }
  return {};
}

std::unique_ptr<DataSource> concatenate(Sources parts) {
  auto const& first = parts[0]->field();
  FieldSpec joined{first.name, first.type, first.shape};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto const& field = parts[i]->field();
    if (field.shape.empty() || field.type != first.type ||
        without_first(field.shape) != without_first(first.shape)) {
      throw bad_input("--concat cannot join " + described(first) + " and " + described(field),
                      "inputs are joined along the first extent of a sample; type and other "
                      "extents must be the same",
                      "convert or reshape one of them");
    }
    if (i > 0) {
      joined.name += "+" + field.name;
      joined.shape[0] += field.shape[0];
    }
  }
  return std::make_unique<ConcatSource>(std::move(parts), std::move(joined));
}

} // namespace fod
