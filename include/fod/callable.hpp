#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fod {

/// A model that is an object of this process instead of a file.
class CallableModel {
public:
  CallableModel() = default;
  CallableModel(CallableModel const&) = delete;
  CallableModel& operator=(CallableModel const&) = delete;
  virtual ~CallableModel() = default;

  /// One forward of a batch, without gradients. What it throws ends the job, naming the samples.
  /// @param inputs one tensor per input field, (batch, …), on the job's device
  /// @return logits or probabilities (batch, K); an undefined tensor is refused
  virtual at::Tensor forward(std::vector<at::Tensor> const& inputs) = 0;
  /// Called once before all else: brings it to the job's device, dropout and the like off.
  virtual void prepare(at::Device /*device*/) {}
  /// Parameters by name, which also tell this model from others when a job is resumed; none where
  /// they cannot be seen.
  [[nodiscard]] virtual std::vector<std::pair<std::string, at::Tensor>> parameters() const {
    return {};
  }
};

/// What is done with a model's output before anything else: logits or probabilities come out.
using OutputFunction = std::function<at::Tensor(at::Tensor const&)>;

/// What of a model is given by objects of this process.
struct InProcess {
  std::shared_ptr<CallableModel> model; ///< null: a `--model` value names it
  OutputFunction output;                ///< empty: nothing is done
};

} // namespace fod
