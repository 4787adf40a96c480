#include "fod/first_order_dataset.hpp"

#include "fod/error.hpp"

#include <ATen/Context.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>
#include <torch/serialize.h>

#include <algorithm>
#include <numeric>

namespace fod {

void warn(std::string const& text) {
  TORCH_WARN(text);
}

std::string count_mismatch(std::int64_t distributions, std::int64_t samples) {
  return "[FirstOrderDataset] distributions count " + std::to_string(distributions) +
         " does not match dataset length " + std::to_string(samples) + ".";
}

FirstOrderSample stack(std::vector<FirstOrderSample> const& samples, bool pinned) {
  auto const together = [&](at::Tensor FirstOrderSample::*part) -> at::Tensor {
    std::vector<at::Tensor> all;
    for (auto const& sample : samples) {
      if ((sample.*part).defined()) {
        all.push_back(sample.*part);
      }
    }
    if (all.empty()) {
      return {};
    }
    if (all.size() != samples.size()) {
      throw run_failure("some samples of a batch have no label", "others have one",
                        "give all samples a label, or none");
    }
    auto batch = at::stack(all);
    return pinned && at::hasCUDA() ? batch.pin_memory() : batch;
  };
  return {together(&FirstOrderSample::input), together(&FirstOrderSample::label),
          together(&FirstOrderSample::distribution)};
}

OrderSampler::OrderSampler(std::int64_t size, bool shuffle, std::uint64_t seed)
    : order_(static_cast<std::size_t>(size)), shuffle_(shuffle), random_(seed) {
  OrderSampler::reset(std::nullopt);
}

void OrderSampler::reset(std::optional<std::size_t> new_size) {
  order_.resize(new_size.value_or(order_.size()));
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  if (shuffle_) {
    std::shuffle(order_.begin(), order_.end(), random_);
  }
  at_ = 0;
}

std::optional<std::vector<std::size_t>> OrderSampler::next(std::size_t batch_size) {
  if (at_ == order_.size()) {
    return std::nullopt;
  }
  auto const begin = order_.begin() + static_cast<std::ptrdiff_t>(at_);
  auto const count = std::min(batch_size, order_.size() - at_);
  at_ += count;
  return std::vector<std::size_t>(begin, begin + static_cast<std::ptrdiff_t>(count));
}

void OrderSampler::save(torch::serialize::OutputArchive& archive) const {
  std::vector<std::int64_t> const order(order_.begin(), order_.end());
  archive.write("order", at::tensor(order, at::kLong));
  archive.write("at", at::tensor({static_cast<std::int64_t>(at_)}, at::kLong));
}

void OrderSampler::load(torch::serialize::InputArchive& archive) {
  at::Tensor order;
  at::Tensor at;
  archive.read("order", order);
  archive.read("at", at);
  auto const* values = order.const_data_ptr<std::int64_t>();
  order_.assign(values, values + order.numel());
  at_ = static_cast<std::size_t>(at.item<std::int64_t>());
}

namespace detail {

void require_distributions(bool there) {
  if (!there) {
    throw bad_input("there are no distributions", "the pointer is null",
                    "give what load_distributions returns");
  }
}

void require_batch_size(std::int64_t batch_size) {
  if (batch_size < 1) {
    throw bad_input("the batch size is " + std::to_string(batch_size), "", "give 1 at least");
  }
}

} // namespace detail

} // namespace fod
