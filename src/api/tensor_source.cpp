#include "fod/tensor_source.hpp"

#include "../model/torch_support.hpp"

#include "fod/error.hpp"

#include <ATen/ops/from_blob.h>

#include <cstring>

namespace fod {

namespace {

ElementType element_type(at::ScalarType type) {
  if (auto const ours = torch_support::counterpart(type)) {
    return *ours;
  }
  throw bad_input("the samples are of type " + std::string(at::toString(type)),
                  "there is no array of such numbers", "convert them in the dataset");
}

std::string described(at::Tensor const& tensor) {
  return std::string(at::toString(tensor.scalar_type())) + " " + to_string(tensor.sizes().vec());
}

class TensorSource : public DataSource {
public:
  explicit TensorSource(SampleSource const& samples)
      : input_(samples.input), size_(samples.size), field_{"data", ElementType::float32, {}} {
    if (size_ > 0) {
      first_ = input_of(0);
      field_.type = element_type(first_.scalar_type());
      field_.shape = first_.sizes().vec();
    }
  }

  [[nodiscard]] FieldSpec const& field() const override { return field_; }
  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] int reading_threads() const override { return 0; } // the dataset may not bear more

  void read(IndexRange range, std::span<std::byte> out) const override {
    auto const bytes = static_cast<std::size_t>(field_.sample_bytes());
    for (auto sample = range.begin; sample < range.end; ++sample) {
      auto const tensor = input_of(sample);
      if (tensor.scalar_type() != first_.scalar_type() || tensor.sizes() != first_.sizes()) {
        throw run_failure("sample " + std::to_string(sample) + " is " + described(tensor),
                          "sample 0 is " + described(first_),
                          "give all samples the same shape and type");
      }
      auto const at = static_cast<std::size_t>(sample - range.begin) * bytes;
      std::memcpy(out.data() + at, tensor.const_data_ptr(), bytes);
    }
  }

private:
  [[nodiscard]] at::Tensor input_of(std::int64_t sample) const {
    auto const tensor = input_(sample);
    if (!tensor.defined()) {
      throw run_failure("sample " + std::to_string(sample) + " has no input",
                        "its tensor is undefined", "look at the dataset, or at the input getter");
    }
    return tensor.cpu().contiguous();
  }

  std::function<at::Tensor(std::int64_t)> input_;
  std::int64_t size_;
  FieldSpec field_;
  at::Tensor first_;
};

class LabelSource : public DataSource {
public:
  explicit LabelSource(SampleSource const& samples)
      : label_(samples.label), size_(samples.size), field_{"label", ElementType::int64, {}} {}

  [[nodiscard]] FieldSpec const& field() const override { return field_; }
  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] int reading_threads() const override { return 0; }

  void read(IndexRange range, std::span<std::byte> out) const override {
    for (auto sample = range.begin; sample < range.end; ++sample) {
      auto const label = label_(sample);
      auto const at = static_cast<std::size_t>(sample - range.begin) * sizeof label;
      std::memcpy(out.data() + at, &label, sizeof label);
    }
  }

private:
  std::function<std::int64_t(std::int64_t)> label_;
  std::int64_t size_;
  FieldSpec field_;
};

} // namespace

std::shared_ptr<DataSource> input_source(SampleSource const& samples) {
  if (samples.size < 0 || !samples.input) {
    throw bad_input("the dataset cannot be read", "it has no size, or no function for its inputs",
                    "give both");
  }
  try {
    return std::make_shared<TensorSource>(samples);
  } catch (Error const& error) {
    throw Error(ExitCode::usage, error.message()); // of sample 0: nothing has begun
  }
}

std::shared_ptr<DataSource> label_source(SampleSource const& samples) {
  return samples.label ? std::make_shared<LabelSource>(samples) : nullptr;
}

namespace detail {

std::int64_t known_size(std::optional<std::size_t> size) {
  if (!size) {
    throw bad_input("the dataset does not know its size", "its size() is empty",
                    "give a dataset whose samples are called by index");
  }
  return static_cast<std::int64_t>(*size);
}

bool is_class_index(at::Tensor const& target) {
  return target.defined() && target.numel() == 1 &&
         at::isIntegralType(target.scalar_type(), /*includeBool=*/false);
}

std::int64_t class_index(at::Tensor const& target) {
  if (!is_class_index(target)) {
    throw run_failure("a sample has no class index", "sample 0 has one",
                      "give all samples a label, or none");
  }
  return target.item<std::int64_t>();
}

} // namespace detail

} // namespace fod
