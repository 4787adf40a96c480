// Knowledge distillation in C++: a small student learns a teacher's softened distributions, or hard
// labels, from the same few samples.
//
//   distill MODEL IMAGES LABELS    of tools/train_digits.py: digits_model.pt images.npy labels.npy
//
// Prints accuracies over five seeds, the difference with its 95 % interval, and how the divergence
// from the teacher falls. Exit 1 if soft targets do not help.

#include <fod/error.hpp>
#include <fod/first_order_dataset.hpp>
#include <fod/generator.hpp>

#include <torch/torch.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <span>

namespace {

constexpr std::int64_t budget = 150;         ///< samples that the student may learn from
constexpr std::int64_t held_out_from = 1000; ///< index; the student learns from those before it
constexpr double temperature = 4;
constexpr int epochs = 30;
constexpr int seeds = 5;

/// Samples of a file, as `--data` names it.
torch::Tensor read_all(std::string const& spec, torch::ScalarType type) {
  auto const source = fod::open_source(spec, "data");
  auto shape = source->field().shape;
  shape.insert(shape.begin(), source->size());
  auto tensor = torch::empty(shape, type);
  source->read({0, source->size()},
               std::as_writable_bytes(
                   std::span(static_cast<char*>(tensor.mutable_data_ptr()), tensor.nbytes())));
  return tensor;
}

/// Some samples of tensors, by their indices.
class Part : public torch::data::datasets::Dataset<Part> {
public:
  Part(torch::Tensor x, torch::Tensor y) : x_(std::move(x)), y_(std::move(y)) {}
  torch::data::Example<> get(std::size_t index) override {
    auto const at = static_cast<std::int64_t>(index);
    return {x_[at], y_[at]};
  }
  [[nodiscard]] std::optional<std::size_t> size() const override {
    return static_cast<std::size_t>(x_.size(0));
  }

private:
  torch::Tensor x_;
  torch::Tensor y_;
};

torch::nn::Sequential make_student() {
  return torch::nn::Sequential(torch::nn::Flatten(), torch::nn::Linear(64, 32), torch::nn::ReLU(),
                               torch::nn::Linear(32, 10));
}

struct Outcome {
  double accuracy = 0;
  double first_loss = 0; ///< mean over the first epoch
  double last_loss = 0;
};

enum class Target { hard_labels, distributions };

Outcome train(Part const& data, fod::Distributions const& teacher, Target target, int seed,
              torch::Tensor const& test_x, torch::Tensor const& test_y) {
  torch::manual_seed(seed);
  auto student = make_student();
  torch::optim::Adam optimizer(student->parameters(), 1e-2);
  auto loader = fod::output_dataloader(
      data, teacher, {.batch_size = 32, .shuffle = true, .seed = static_cast<std::uint64_t>(seed)});
  Outcome outcome;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    double sum = 0;
    for (auto& batch : *loader) {
      optimizer.zero_grad();
      auto const log_p = student->forward(batch.input).log_softmax(1);
      auto const loss =
          target == Target::hard_labels
              ? torch::nll_loss(log_p, batch.label)
              : torch::nn::functional::kl_div(
                    log_p, batch.distribution,
                    torch::nn::functional::KLDivFuncOptions().reduction(torch::kBatchMean));
      loss.backward();
      optimizer.step();
      sum += loss.item<double>() * static_cast<double>(batch.input.size(0));
    }
    (epoch == 0 ? outcome.first_loss : outcome.last_loss) = sum / budget;
  }
  torch::NoGradGuard const none;
  outcome.accuracy =
      student->forward(test_x).argmax(1).eq(test_y).to(torch::kDouble).mean().item<double>();
  return outcome;
}

int run(std::string const& model, std::string const& images, std::string const& labels) {
  torch::set_num_threads(1);
  auto const x = read_all(images, torch::kFloat32);
  auto const y = read_all(labels, torch::kInt64);
  auto const test_x = x.slice(0, held_out_from);
  auto const test_y = y.slice(0, held_out_from);

  fod::GeneratorOptions options;
  options.device = "cpu";
  options.threads = 1;
  options.model_name = "teacher";
  options.output_transform = [](torch::Tensor const& logits) {
    return (logits / temperature).softmax(1);
  };
  fod::FirstOrderDataGenerator generator(model, options);

  std::array<double, seeds> differences{};
  double hard_mean = 0;
  double soft_mean = 0;
  bool falls = true;
  for (int seed = 0; seed < seeds; ++seed) {
    torch::manual_seed(100 + seed);
    auto const chosen = torch::randperm(held_out_from).slice(0, 0, budget);
    Part data(x.index_select(0, chosen), y.index_select(0, chosen));
    auto const teacher = generator.generate_distributions(data);
    auto const hard = train(data, teacher, Target::hard_labels, seed, test_x, test_y);
    auto const soft = train(data, teacher, Target::distributions, seed, test_x, test_y);
    std::printf("seed %d: hard labels %.4f, soft targets %.4f; KL %.3f -> %.3f\n", seed,
                hard.accuracy, soft.accuracy, soft.first_loss, soft.last_loss);
    hard_mean += hard.accuracy / seeds;
    soft_mean += soft.accuracy / seeds;
    differences[static_cast<std::size_t>(seed)] = soft.accuracy - hard.accuracy;
    falls = falls && soft.last_loss < soft.first_loss / 5;
  }
  double const mean = soft_mean - hard_mean;
  double squares = 0;
  for (auto const difference : differences) {
    squares += (difference - mean) * (difference - mean);
  }
  constexpr double t = 2.776; // Student's, 4 degrees of freedom, 95 %
  double const half = t * std::sqrt(squares / (seeds - 1) / seeds);
  std::printf("hard labels %.4f, soft targets %.4f, difference %.4f (95 %%: %.4f to %.4f)\n",
              hard_mean, soft_mean, mean, mean - half, mean + half);
  return falls && mean - half > 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: distill MODEL IMAGES LABELS\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], argv[3]);
  } catch (fod::Error const& error) {
    std::fprintf(stderr, "distill: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
