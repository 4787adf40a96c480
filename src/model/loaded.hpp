#pragma once

#include "backend.hpp"
#include "inputs.hpp"
#include "taps.hpp"

/// Inside of the model module: one model, whatever its kind.
namespace fod {

/// A backend with all that a batch goes through before and after it.
class LoadedModel {
public:
  /// @throws Error (usage) if it takes another number of inputs or cannot do what is asked for
  LoadedModel(ModelOptions const& options, ModelSource const& source, InputBatch const& inputs);

  [[nodiscard]] InputTypes find_input_types();
  void set_input_types(InputTypes types) { types_ = std::move(types); }

  /// @param seed of the random numbers of this forward
  [[nodiscard]] ModelOutput forward(std::uint64_t seed);

  [[nodiscard]] std::vector<Layer> find_layers();
  void set_taps(std::vector<Layer> const& layers, TapSink sink);

  /// Samples that go through at once; 0 for the whole batch.
  [[nodiscard]] std::int64_t micro_batch() const { return micro_batch_; }
  void forget_micro_batch() { micro_batch_ = 0; }
  [[nodiscard]] bool on_gpu() const { return device_.is_cuda; }
  [[nodiscard]] Backend const& backend() const { return *backend_; }

private:
  void require_arguments() const;
  void prepare(ModelOptions const& options);
  [[nodiscard]] ModelOutput run(std::uint64_t seed);
  [[nodiscard]] c10::IValue call(IndexRange rows);
  [[nodiscard]] ModelOutput run_rows(IndexRange rows);
  [[nodiscard]] SeenForward observe(std::int64_t samples);
  [[nodiscard]] SeenForward observe_other_size(std::int64_t samples);
  void watch_taps();
  [[nodiscard]] std::int64_t rows_at_once() const;
  void after_failure(std::exception const& error);
  void shrink(std::exception const& error);
  [[nodiscard]] std::string first_weight() const;

  std::string spec_;
  Device device_;
  bool dropout_;
  Precision precision_;
  InputBatch const& inputs_;
  std::int64_t constants_;
  std::unique_ptr<Backend> backend_;
  std::string output_key_; ///< that is left to be applied
  bool output_ignored_;
  OutputFunction output_function_; ///< empty: nothing is done
  InputTypes types_;
  std::int64_t micro_batch_ = 0;
  Taps taps_;
  bool has_taps_ = false;
};

/// The backend for a --model value.
std::unique_ptr<Backend> load_backend(BackendOptions const& options);

} // namespace fod
