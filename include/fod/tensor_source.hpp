#pragma once

#include "fod/dataset.hpp"

#include <ATen/core/Tensor.h>
#include <torch/data/example.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

/// Datasets of a program of the user's, as inputs of a job.
namespace fod {

/// Takes the model's input out of a sample of a `torch::data` dataset.
using InputGetter = std::function<at::Tensor(torch::data::Example<> const&)>;

/// Samples by index, of any kind of dataset. Called by one thread, the one that generates.
struct SampleSource {
  std::int64_t size = 0;
  /// The input of a sample, of the same shape and type for all.
  std::function<at::Tensor(std::int64_t)> input;
  /// Its class index; empty: labels are unknown.
  std::function<std::int64_t(std::int64_t)> label{};
};

/// What `torch::data` calls map-style: `get(index)` gives an `Example<>`.
template <class Dataset>
concept MapStyle = requires(Dataset& dataset, std::size_t index) {
  { dataset.get(index) } -> std::convertible_to<torch::data::Example<>>;
  {dataset.size()};
};

/// @param dataset as long as the source is used
/// @param getter empty: the example's data
/// @throws Error (usage) if the dataset does not know its size
template <class Dataset>
requires MapStyle<Dataset> SampleSource sample_source(Dataset& dataset, InputGetter getter = {});

/// The inputs of samples as a data source of the pipeline.
/// @throws Error (usage) if the first sample is no tensor that a model could take
std::shared_ptr<DataSource> input_source(SampleSource const& samples);
/// Their labels; null if these are unknown.
std::shared_ptr<DataSource> label_source(SampleSource const& samples);

namespace detail {
/// Number of samples of a dataset. @throws Error (usage) if it is unknown
std::int64_t known_size(std::optional<std::size_t> size);
/// True if the target is one whole number.
bool is_class_index(at::Tensor const& target);
void require_distributions(bool there);
void require_batch_size(std::int64_t batch_size);
std::int64_t class_index(at::Tensor const& target);
} // namespace detail

template <class Dataset>
requires MapStyle<Dataset> SampleSource sample_source(Dataset& dataset, InputGetter getter) {
  SampleSource source;
  source.size = detail::known_size(dataset.size());
  source.input = [&dataset, getter = std::move(getter)](std::int64_t at) {
    torch::data::Example<> const sample = dataset.get(static_cast<std::size_t>(at));
    return getter ? getter(sample) : sample.data;
  };
  if (source.size > 0 && detail::is_class_index(dataset.get(0).target)) {
    source.label = [&dataset](std::int64_t at) {
      return detail::class_index(dataset.get(static_cast<std::size_t>(at)).target);
    };
  }
  return source;
}

} // namespace fod
