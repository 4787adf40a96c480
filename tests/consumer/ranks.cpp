// A program of a user's under MPI: its ranks share a dataset that exists in memory alone.

#include <fod/comm.hpp>
#include <fod/error.hpp>
#include <fod/generator.hpp>

#include <torch/torch.h>

#include <cstdio>

namespace {

/// Sample i is (i, i + 1, …, i + 5) / 100.
class Numbers : public torch::data::datasets::Dataset<Numbers> {
public:
  torch::data::Example<> get(std::size_t index) override {
    auto const i = static_cast<std::int64_t>(index);
    return {torch::arange(i, i + 6, torch::kFloat32) / 100, torch::tensor(i % 6)};
  }
  [[nodiscard]] std::optional<std::size_t> size() const override { return 500; }
};

void generate(std::string const& out, fod::Comm const& comm) {
  fod::GeneratorOptions options;
  options.device = "cpu";
  options.threads = 1;
  options.output_mode = "logits";
  fod::FirstOrderDataGenerator generator([](torch::Tensor const& x) { return x * 10; }, options);
  Numbers numbers;
  auto const mine = generator.generate_distributions(numbers, comm);
  std::printf("rank %d of %d: %lld distributions from %lld on\n", comm.rank(), comm.size(),
              static_cast<long long>(mine.size()), static_cast<long long>(mine.ids()[0]));
  generator.generate_file(out, numbers, {.overwrite = true}, comm);
}

} // namespace

int main(int argc, char** argv) {
  try {
    fod::MpiSession const session(&argc, &argv);
    auto const comm = fod::Comm::world();
    generate(argv[1], comm);
    comm.barrier();
  } catch (fod::Error const& error) {
    std::fprintf(stderr, "ranks: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
