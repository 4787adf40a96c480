#pragma once

#include "fod/distributions.hpp"
#include "fod/tensor_source.hpp"

#include <torch/data/dataloader.h>
#include <torch/data/datasets/base.h>
#include <torch/data/samplers/base.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Training on distributions: a dataset whose samples come with theirs, and its loader.
namespace fod {

/// A sample, or a batch of them (the first extent) out of a loader.
struct FirstOrderSample {
  at::Tensor input;
  at::Tensor label;        ///< undefined if the dataset has none
  at::Tensor distribution; ///< float32 (K,)
};

/// Tells a warning as Torch does: c10's handler decides where it goes.
void warn(std::string const& text);
/// "[FirstOrderDataset] distributions count 960 does not match dataset length 1000."
std::string count_mismatch(std::int64_t distributions, std::int64_t samples);

/// A map-style dataset of `torch::data` with the distributions of its samples: sample i has the one
/// of id i. @tparam Base has `get(index)` (an `Example<>`) and `size()`
/// @tparam Source of distributions: `Distributions`, or `ResultReader` for more than fits memory
template <class Base, class Source = Distributions>
requires MapStyle<Base>
class FirstOrderDataset
    : public torch::data::datasets::Dataset<FirstOrderDataset<Base, Source>, FirstOrderSample> {
public:
  /// Warns if there are not as many distributions as samples.
  /// @param getter takes the input out of a sample; empty: its data
  /// @throws Error (usage) if `distributions` is null, or the dataset does not know its size
  FirstOrderDataset(Base base, std::shared_ptr<Source const> distributions, InputGetter getter = {})
      : base_(std::move(base)), distributions_(std::move(distributions)),
        getter_(std::move(getter)), size_(detail::known_size(base_.size())) {
    detail::require_distributions(distributions_ != nullptr);
    if (distributions_->size() != size_) {
      warn(count_mismatch(distributions_->size(), size_));
    }
  }
  FirstOrderDataset(Base base, Source distributions, InputGetter getter = {})
      : FirstOrderDataset(std::move(base), std::make_shared<Source const>(std::move(distributions)),
                          std::move(getter)) {}

  /// @throws Error (usage) naming the index if the sample has no distribution
  FirstOrderSample get(std::size_t index) override {
    auto const row = at::empty({distributions_->classes()}, at::kFloat);
    distributions_->read(static_cast<std::int64_t>(index),
                         {row.template mutable_data_ptr<float>(),
                          static_cast<std::size_t>(distributions_->classes())});
    torch::data::Example<> const sample = base_.get(index);
    return {getter_ ? getter_(sample) : sample.data, sample.target, row};
  }
  [[nodiscard]] std::optional<std::size_t> size() const override {
    return static_cast<std::size_t>(size_);
  }

private:
  Base base_;
  std::shared_ptr<Source const> distributions_;
  InputGetter getter_;
  std::int64_t size_;
};

/// Makes a batch of samples. With `pinned` it is in page-locked memory, if a GPU is there.
FirstOrderSample stack(std::vector<FirstOrderSample> const& samples, bool pinned);

/// How samples are loaded.
struct LoaderOptions {
  std::int64_t batch_size = 64;
  bool shuffle = false;    ///< in another order each epoch; distributions follow their samples
  std::size_t workers = 0; ///< threads that load ahead; 0: the caller's
  bool pin_memory = false;
  std::uint64_t seed = 0; ///< of the orders
};

/// Indices in order, or in a new order of each epoch.
class OrderSampler : public torch::data::samplers::Sampler<> {
public:
  OrderSampler(std::int64_t size, bool shuffle, std::uint64_t seed);
  /// Begins a pass. @param new_size of the dataset; empty: it stays
  void reset(std::optional<std::size_t> new_size) override;
  void reset() { reset(std::nullopt); }
  std::optional<std::vector<std::size_t>> next(std::size_t batch_size) override;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

private:
  std::vector<std::size_t> order_;
  std::size_t at_ = 0;
  bool shuffle_;
  std::mt19937_64 random_;
};

namespace detail {

/// Batches of a dataset, as a loader asks for them.
template <class Data>
class Batches : public torch::data::datasets::BatchDataset<Batches<Data>, FirstOrderSample> {
public:
  Batches(Data data, bool pinned) : data_(std::move(data)), pinned_(pinned) {}
  FirstOrderSample get_batch(torch::ArrayRef<std::size_t> indices) override {
    std::vector<FirstOrderSample> samples;
    samples.reserve(indices.size());
    for (auto const index : indices) {
      samples.push_back(data_.get(index));
    }
    return stack(samples, pinned_);
  }
  [[nodiscard]] std::optional<std::size_t> size() const override { return data_.size(); }

private:
  Data data_;
  bool pinned_;
};

} // namespace detail

/// A loader of `torch::data` over a `FirstOrderDataset`: `for (auto& batch : *loader)` gives
/// batches of inputs, labels and distributions, every sample once.
/// @throws Error (usage) for a batch size below 1, and as `FirstOrderDataset`
template <class Base, class Source>
requires MapStyle<Base>
auto output_dataloader(Base base, Source distributions, LoaderOptions const& options = {},
                       InputGetter getter = {}) {
  detail::require_batch_size(options.batch_size);
  auto data = [&] {
    if constexpr (requires { *distributions; }) {
      using Held = std::remove_cvref_t<decltype(*distributions)>;
      return FirstOrderDataset<Base, Held>(std::move(base), std::move(distributions),
                                           std::move(getter));
    } else {
      return FirstOrderDataset<Base, Source>(std::move(base), std::move(distributions),
                                             std::move(getter));
    }
  }();
  OrderSampler sampler(static_cast<std::int64_t>(*data.size()), options.shuffle, options.seed);
  return torch::data::make_data_loader(
      detail::Batches(std::move(data), options.pin_memory), std::move(sampler),
      torch::data::DataLoaderOptions(static_cast<std::size_t>(options.batch_size))
          .workers(options.workers));
}

/// Samples of anything with `size()` and `get(index)`, some at a time, without Torch's loaders:
/// `for (auto const& samples : SimpleDataLoader(dataset, 32))` gives vectors of samples.
template <class Dataset>
class SimpleDataLoader {
public:
  using Sample = decltype(std::declval<Dataset&>().get(std::size_t{}));

  /// @param dataset as long as the loader is used
  /// @throws Error (usage) for a batch size below 1, or a dataset that does not know its size
  explicit SimpleDataLoader(Dataset& dataset, std::int64_t batch_size = 64, bool shuffle = false,
                            std::uint64_t seed = 0)
      : dataset_(dataset), batch_size_(batch_size),
        sampler_(detail::known_size(dataset.size()), shuffle, seed) {
    detail::require_batch_size(batch_size);
  }

  /// Number of batches.
  [[nodiscard]] std::int64_t size() const {
    return (detail::known_size(dataset_.size()) + batch_size_ - 1) / batch_size_;
  }

  class Iterator {
  public:
    Iterator() = default;
    explicit Iterator(SimpleDataLoader& loader) : loader_(&loader) { ++*this; }
    std::vector<Sample> const& operator*() const { return samples_; }
    Iterator& operator++() {
      samples_.clear();
      auto const indices = loader_->sampler_.next(static_cast<std::size_t>(loader_->batch_size_));
      if (!indices) {
        loader_ = nullptr;
        return *this;
      }
      for (auto const index : *indices) {
        samples_.push_back(loader_->dataset_.get(index));
      }
      return *this;
    }
    bool operator==(Iterator const& other) const { return loader_ == other.loader_; }

  private:
    SimpleDataLoader* loader_ = nullptr; ///< null at the end
    std::vector<Sample> samples_;
  };
  /// A new pass over all samples.
  Iterator begin() {
    sampler_.reset();
    return Iterator(*this);
  }
  Iterator end() { return {}; }

private:
  Dataset& dataset_;
  std::int64_t batch_size_;
  OrderSampler sampler_;
};

} // namespace fod
