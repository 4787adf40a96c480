#include "fod/dataset.hpp"

#include "formats.hpp"

#include "fod/elements.hpp"
#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace fod {

namespace {

std::string digits(double value) {
  std::array<char, 32> text{};
  auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::shared_ptr<DataSource> open_labels(std::string const& spec,
                                        python::Requirements const& requirements) {
  if (python::is_python(spec)) {
    return open_python_labels(spec, requirements);
  }
  if (is_cifar(spec)) {
    return open_cifar(spec, "labels", CifarPart::label);
  }
  return is_image_folder(spec) ? open_image_labels(spec, "labels") : open_source(spec, "labels");
}

} // namespace

void Labels::require_scalars(std::string const& described) const {
  auto const& shape = source_->field().shape;
  if (shape.size() > 1) {
    throw bad_input("labels " + described + " have the shape " +
                        to_string(with_leading(source_->size(), shape)),
                    "a class index per sample is needed, shape (N,) or (N,1), or counts (N,K)",
                    "save them so, numpy.save('y.npy', y.reshape(len(y), -1))");
  }
}

Labels::Labels(std::shared_ptr<DataSource> source) : source_(std::move(source)) {
  require_scalars(source_->field().name);
}

Labels::Labels(std::string const& spec, std::int64_t samples,
               python::Requirements const& requirements)
    : source_(open_labels(spec, requirements)) {
  require_scalars(spec);
  if (source_->size() != samples) {
    throw bad_input("labels " + spec + " hold " + std::to_string(source_->size()) +
                        " labels, but the dataset has " + std::to_string(samples) + " samples",
                    "each sample needs its label",
                    "give the labels of these samples, in the same order");
  }
}

std::int64_t Labels::counts() const {
  auto const& shape = source_->field().shape;
  return shape.empty() || shape[0] == 1 ? 0 : shape[0];
}

void Labels::read(IndexRange range, std::span<std::int64_t> out) const {
  auto const type = source_->field().type;
  auto const size = size_of(type);
  std::vector<std::byte> bytes(out.size() * size);
  source_->read(range, bytes);
  auto const columns = static_cast<std::size_t>(std::max<std::int64_t>(1, counts()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto const label = stored(type, bytes.data() + i * size);
    if (!label.whole || (counts() > 0 && *label.whole < 0)) {
      throw run_failure("the label of sample " +
                            std::to_string(range.begin + static_cast<std::int64_t>(i / columns)) +
                            " is " + digits(label.value),
                        counts() > 0 ? "labels (N,K) are counts per class, whole numbers from 0"
                                     : "a label is a class index, a whole number",
                        "correct the labels' file");
    }
    out[i] = *label.whole;
  }
}

} // namespace fod
