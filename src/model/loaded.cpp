#include "loaded.hpp"

#include "memory.hpp"
#include "output.hpp"
#include "precision.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <ATen/cuda/CUDAContextLight.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>

namespace fod {

LoadedModel::LoadedModel(ModelOptions const& options, ModelSource const& source,
                         InputBatch const& inputs)
    : spec_(source.spec), device_(options.device), dropout_(options.dropout_passes > 0),
      precision_(options.precision), inputs_(inputs), constants_(std::ssize(options.constants)),
      backend_(load_backend({source.spec, source.bytes, options.device, options.threads,
                             options.output_key, options.constants, options.output_ignored,
                             source.in_process})),
      output_key_(backend_->selects_output() ? std::string() : options.output_key),
      output_ignored_(options.output_ignored) {
  if (source.in_process) {
    output_function_ = source.in_process->output;
  }
  if (!options.parameters_only) {
    require_arguments();
  }
  prepare(options);
}

void LoadedModel::require_arguments() const {
  auto const arity = backend_->arity();
  auto const given = std::ssize(inputs_.fields()) + constants_;
  if (given >= arity.least && (arity.most < 0 || given <= arity.most)) {
    return;
  }
  throw bad_input(
      "the model takes " + std::to_string(arity.least) + (arity.least == 1 ? " input" : " inputs") +
          (arity.names.empty() ? "" : " (" + arity.names + ")"),
      "--data gives " + std::to_string(std::ssize(inputs_.fields())) + ": " + inputs_.names() +
          (constants_ > 0 ? ", --input " + counted(constants_, "constant") : ""),
      "repeat --data name=SPEC, or choose and order the fields with --input, where "
      "=16000 is a constant argument");
}

void LoadedModel::prepare(ModelOptions const& options) {
  if (dropout_) {
    if (auto const why = backend_->enable_dropout(); !why.empty()) {
      throw bad_input("--mc-dropout cannot be done with the model " + spec_, why,
                      "export a model with nn.Dropout layers by torch.jit.script(model)");
    }
  }
  if (precision_ == Precision::tf32 && !device_.is_cuda) {
    throw bad_input("--precision tf32 needs a GPU", "it is a format of NVIDIA's tensor cores",
                    "leave it out, or take bf16");
  }
  if (precision_ != Precision::fp32) {
    if (auto const why = backend_->set_precision(options.precision); !why.empty()) {
      throw bad_input("--precision " + std::string(name_of(precision_)) +
                          " cannot be done with the model " + spec_,
                      why, "export the model in that precision");
    }
  }
}

c10::IValue LoadedModel::call(IndexRange rows) {
  torch_support::PrecisionScope const precision(precision_, device_);
  if (!has_taps_) {
    return backend_->call(inputs_.tensors(types_, rows));
  }
  taps_.begin(rows);
  auto output = backend_->call(inputs_.tensors(types_, rows));
  taps_.finish();
  return output;
}

ModelOutput LoadedModel::run_rows(IndexRange rows) {
  auto const output = call(rows);
  if (output_ignored_) {
    return {};
  }
  auto selected = torch_support::select_output(output, output_key_);
  if (output_function_) {
    auto const& tensor = *std::static_pointer_cast<torch::Tensor const>(selected.owner);
    selected = torch_support::select_output(output_function_(tensor), {});
  }
  return selected;
}

ModelOutput LoadedModel::run(std::uint64_t seed) {
  c10::InferenceMode const inference;
  at::manual_seed(seed); // whatever draws random numbers, dropout or the model itself
  ModelOutput output;
  if (micro_batch_ == 0) {
    output = run_rows({0, inputs_.size()});
  } else {
    std::vector<torch::Tensor> parts;
    for (std::int64_t begin = 0; begin < inputs_.size(); begin += micro_batch_) {
      auto const part = run_rows({begin, std::min(begin + micro_batch_, inputs_.size())});
      if (!output_ignored_) {
        // A copy, since a model may return the same buffer for the next part.
        parts.push_back(std::static_pointer_cast<torch::Tensor const>(part.owner)->clone());
      }
    }
    output = output_ignored_ ? ModelOutput() : torch_support::to_output(torch::cat(parts));
  }
  if (device_.is_cuda) {
    output.stream = {c10::cuda::getCurrentCUDAStream().stream()};
  }
  return output;
}

std::int64_t LoadedModel::rows_at_once() const {
  return micro_batch_ == 0 ? inputs_.size() : micro_batch_;
}

void LoadedModel::shrink(std::exception const& error) {
  torch_support::release_cached_memory(device_);
  auto const now = rows_at_once();
  if (now <= 1) {
    throw run_failure("there is no memory for a single sample of " + inputs_.described(types_),
                      torch_support::reason(error) + "; " + torch_support::memory_state(device_),
                      "use a device with more memory, or a smaller model");
  }
  micro_batch_ = (now + 1) / 2;
}

/// Returns where fewer rows at once may help.
/// @throws what the failure is to the user
void LoadedModel::after_failure(std::exception const& error) {
  if (torch_support::is_out_of_memory(error)) {
    shrink(error);
    return;
  }
  if (taps_.failure() != nullptr) {
    std::rethrow_exception(taps_.failure());
  }
  if (dynamic_cast<Error const*>(&error) != nullptr) {
    throw;
  }
  throw run_failure("the model failed on a batch of " + inputs_.described(types_),
                    torch_support::reason(error), "see that it takes every sample");
}

ModelOutput LoadedModel::forward(std::uint64_t seed) {
  for (;;) {
    try {
      return run(seed);
    } catch (std::exception const& error) {
      after_failure(error);
    }
  }
}

std::string LoadedModel::first_weight() const {
  for (auto const& [name, tensor] : backend_->tensors(false)) {
    if (tensor.dim() > 1) {
      return "; its first weight, " + name + ", has shape " + to_string(tensor.sizes().vec());
    }
  }
  return {};
}

InputTypes LoadedModel::find_input_types() {
  // Each input's forms in order of preference; all combinations are tried, early ones first.
  std::vector<InputTypes> forms;
  std::size_t combinations = 1;
  for (auto const& field : inputs_.fields()) {
    forms.push_back({backend_->floating_type()});
    if (!is_floating(field.type)) {
      forms.back().push_back(field.type);
      if (field.type != ElementType::int64 && field.type != ElementType::boolean) {
        forms.back().push_back(ElementType::int64); // what embeddings take
      }
    }
    combinations *= forms.back().size();
  }
  std::string first_reason;
  for (std::size_t combination = 0; combination < combinations; ++combination) {
    auto rest = combination;
    types_.clear();
    for (auto const& form : forms) {
      types_.push_back(form[rest % form.size()]);
      rest /= form.size();
    }
    try {
      static_cast<void>(forward(0));
      return types_;
    } catch (std::exception const& error) {
      auto const* ours = dynamic_cast<Error const*>(&error);
      if (ours != nullptr && ours->code() == ExitCode::usage) {
        return types_; // it ran, and what it returned is judged by whoever asks for it
      }
      if (ours != nullptr && torch_support::is_out_of_memory(error)) {
        throw Error(ExitCode::usage, ours->message()); // no other type would help
      }
      first_reason = !first_reason.empty() ? first_reason
                     : ours != nullptr     ? ours->message().why
                                           : error.what();
    }
  }
  types_.clear();
  for (auto const& form : forms) {
    types_.push_back(form.front());
  }
  throw bad_input("the model does not take a batch of " + inputs_.described(types_),
                  first_reason + first_weight(),
                  "give samples of the shape and type that the model was made for");
}

} // namespace fod
