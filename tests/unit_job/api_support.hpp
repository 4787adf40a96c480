#pragma once

#include <torch/torch.h> // before Catch2: both define CHECK, and the later one counts

#include "../unit/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

/// Datasets and warnings, for tests of what programs of users call.
namespace api_support {

/// Sample i is (i, i + 1, …) / 10, its label i % 3.
class Ramp : public torch::data::datasets::Dataset<Ramp> {
public:
  explicit Ramp(std::int64_t size, bool labelled = true) : size_(size), labelled_(labelled) {}
  torch::data::Example<> get(std::size_t index) override {
    auto const i = static_cast<std::int64_t>(index);
    auto const label = labelled_ ? torch::tensor(i % 3) : torch::Tensor();
    return {torch::arange(i, i + 4, torch::kFloat32) / 10, label};
  }
  [[nodiscard]] std::optional<std::size_t> size() const override {
    return static_cast<std::size_t>(size_);
  }

private:
  std::int64_t size_;
  bool labelled_;
};

/// All inputs of a ramp, (size, 4).
inline torch::Tensor inputs_of(std::int64_t size) {
  return torch::arange(size, torch::kFloat32).view({-1, 1}) / 10 +
         torch::arange(4, torch::kFloat32) / 10;
}

/// Collects what Torch is told to warn of.
class Warnings : public c10::WarningHandler {
public:
  Warnings() : guard_(this) {}
  void process(c10::Warning const& warning) override { texts.push_back(warning.msg()); }
  std::vector<std::string> texts;

private:
  c10::WarningUtils::WarningHandlerGuard guard_;
};

} // namespace api_support
