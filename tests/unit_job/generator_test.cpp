// FirstOrderDataGenerator against Torch's own softmax, in memory and into files.

#include "api_support.hpp"

#include <torch/script.h>

#include "fod/error.hpp"
#include "fod/generator.hpp"
#include "fod/result.hpp"

#include <cmath>
#include <filesystem>

using api_support::inputs_of;
using api_support::Ramp;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using fod::FirstOrderDataGenerator;
using fod::GeneratorOptions;

namespace {

GeneratorOptions options() {
  GeneratorOptions all;
  all.device = "cpu";
  all.threads = 1;
  return all;
}

torch::nn::Sequential network() {
  torch::manual_seed(1);
  return torch::nn::Sequential(torch::nn::Linear(4, 8), torch::nn::Dropout(0.5),
                               torch::nn::Linear(8, 3));
}

torch::Tensor tensor_of(fod::Distributions const& all) {
  auto const values = std::vector<float>(all.values().begin(), all.values().end());
  return torch::tensor(values).view({all.size(), all.classes()});
}

void require_close(torch::Tensor const& found, torch::Tensor const& expected) {
  REQUIRE(found.sizes() == expected.sizes());
  REQUIRE((found - expected).abs().max().item<float>() < 1e-6F);
}

/// What the network gives, without dropout.
torch::Tensor expected_of(torch::nn::Sequential network, std::int64_t samples) {
  torch::NoGradGuard const none;
  network->eval();
  return network->forward(inputs_of(samples)).softmax(1);
}

} // namespace

TEST_CASE("Modules, functions and TorchScript give Torch's softmax of all samples") {
  constexpr std::int64_t samples = 130; // two batches and a short one
  Ramp dataset(samples);
  auto net = network();
  net->train(); // the generator sets evaluation mode
  FirstOrderDataGenerator by_module(fod::callable(net), options());
  auto const all = by_module.generate_distributions(dataset);
  REQUIRE(all.size() == samples);
  REQUIRE(all.ids()[0] == 0);
  REQUIRE(all.contains(samples - 1));
  auto const expected = expected_of(net, samples);
  require_close(tensor_of(all), expected);

  FirstOrderDataGenerator by_function([&net](at::Tensor const& x) { return net->forward(x); },
                                      options());
  REQUIRE(torch::equal(tensor_of(by_function.generate_distributions(dataset)), tensor_of(all)));

  torch::jit::Module script("script");
  script.define("def forward(self, x):\n  return x[:, :3]\n");
  FirstOrderDataGenerator by_script(fod::callable(script), options());
  require_close(tensor_of(by_script.generate_distributions(dataset)),
                inputs_of(samples).slice(1, 0, 3).softmax(1));
}

TEST_CASE("Sizes around a batch, and no sample at all") {
  FirstOrderDataGenerator generator(fod::callable(network()), options());
  for (std::int64_t const samples : {1, 63, 64, 65}) {
    Ramp dataset(samples);
    REQUIRE(generator.generate_distributions(dataset).size() == samples);
  }
  Ramp none(0);
  REQUIRE(generator.generate_distributions(none).empty());
}

TEST_CASE("Output modes, a transform of the output, an input getter") {
  Ramp dataset(70);
  auto all = options();
  auto const identity = [](at::Tensor const& x) { return x.slice(1, 0, 3); };
  auto const logits = inputs_of(70).slice(1, 0, 3);
  all.output_mode = "logits";
  require_close(tensor_of(FirstOrderDataGenerator(identity, all).generate_distributions(dataset)),
                logits.softmax(1));

  all.output_transform = [](at::Tensor const& output) { return (output / 2).softmax(1); };
  require_close(tensor_of(FirstOrderDataGenerator(identity, all).generate_distributions(dataset)),
                (logits / 2).softmax(1));

  all = options();
  all.input_getter = [](torch::data::Example<> const& sample) { return sample.data * 3; };
  require_close(tensor_of(FirstOrderDataGenerator(identity, all).generate_distributions(dataset)),
                (logits * 3).softmax(1));

  all = options();
  all.output_mode = "probs";
  REQUIRE_THROWS_WITH(FirstOrderDataGenerator(identity, all).generate_distributions(dataset),
                      Contains("sample 0"));
  all.output_mode = "auto";
  auto const softmax = [](at::Tensor const& x) { return x.softmax(1); };
  auto const as_they_are = FirstOrderDataGenerator(softmax, all).generate_distributions(dataset);
  require_close(tensor_of(as_they_are), inputs_of(70).softmax(1)); // not softmax of softmax
}

TEST_CASE("A file holds the same bits, labels and metadata, and goes on after an end") {
  TemporaryFolder const folder;
  Ramp dataset(150);
  auto all = options();
  all.model_name = "net";
  auto const net = network();
  FirstOrderDataGenerator generator(fod::callable(net), all);
  fod::FileOptions file;
  file.meta = {"dataset=ramp"};
  generator.generate_file(folder / "r.h5", dataset, file);
  auto const in_memory = generator.generate_distributions(dataset);
  REQUIRE(in_memory.meta() == R"({"model_name": "net"})");

  fod::ResultReader const reader(folder / "r.h5");
  REQUIRE(reader.distributions({0, 150}) ==
          std::vector<float>(in_memory.values().begin(), in_memory.values().end()));
  REQUIRE(reader.meta() == R"({"model_name": "net", "dataset": "ramp"})");
  REQUIRE(reader.section("/labels", {4, 6}) == std::vector<double>{1, 2});
  REQUIRE(fod::load_distributions(folder / "r.h5").size() == 150);

  REQUIRE_THROWS_WITH(generator.generate_file(folder / "r.h5", dataset),
                      Contains("is there already"));
  fod::FileOptions resume;
  resume.resume = true;
  resume.meta = file.meta;
  generator.generate_file(folder / "r.h5", dataset, resume); // complete: nothing to do
  FirstOrderDataGenerator other(fod::callable(torch::nn::Sequential(torch::nn::Linear(4, 3))), all);
  REQUIRE_THROWS_AS(other.generate_file(folder / "r.h5", dataset, resume), fod::Error);
  REQUIRE_THROWS_WITH(generator.generate_file("", dataset), Contains("no name for the result"));
}

TEST_CASE("A failure in the middle keeps what was done, and resuming gives the same bytes") {
  TemporaryFolder const folder;
  Ramp dataset(300);
  auto net = network();
  int calls = 0;
  auto const failing = [&net, &calls](at::Tensor const& x) {
    if (++calls > 6) {
      throw std::runtime_error("the lights went out");
    }
    return net->forward(x);
  };
  net->eval();
  FirstOrderDataGenerator first(failing, options());
  REQUIRE_THROWS_WITH(first.generate_file(folder / "r.h5", dataset),
                      Contains("the lights went out") && Contains("samples"));
  REQUIRE_FALSE(std::filesystem::exists(folder / "r.h5"));
  REQUIRE(std::filesystem::exists(folder / "r.h5.partial"));
  calls = -1000;
  fod::FileOptions resume;
  resume.resume = true;
  first.generate_file(folder / "r.h5", dataset, resume);
  require_close(tensor_of(fod::load_distributions(folder / "r.h5")), expected_of(net, 300));
}

TEST_CASE("Bayesian layers show their posterior") {
  class Bayes : public torch::nn::Module {
  public:
    Bayes()
        : mu_(register_parameter("weight_mu", torch::full({3, 4}, 0.5))),
          rho_(register_parameter("weight_rho", torch::full({3, 4}, -2.0))) {}
    torch::Tensor forward(torch::Tensor const& x) { return x.matmul(mu_.t()); }

  private:
    torch::Tensor mu_;
    torch::Tensor rho_;
  };
  FirstOrderDataGenerator const bayes(fod::callable(std::make_shared<Bayes>()), options());
  auto const found = get_posterior_distributions(bayes);
  REQUIRE(found.size() == 1);
  REQUIRE(found.begin()->first == "weight");
  REQUIRE(torch::equal(found.begin()->second.mu, torch::full({3, 4}, 0.5, torch::kDouble)));
  REQUIRE(torch::equal(found.begin()->second.rho, torch::full({3, 4}, -2.0, torch::kDouble)));
  FirstOrderDataGenerator const plain(fod::callable(network()), options());
  REQUIRE_THROWS_WITH(plain.get_posterior_distributions(), Contains("no Bayesian layer"));
}

TEST_CASE("Misuse of a generator is told before anything is written") {
  TemporaryFolder const folder;
  Ramp dataset(10);
  auto all = options();
  all.output_mode = "softmax";
  REQUIRE_THROWS_WITH(FirstOrderDataGenerator("m.pt", all), Contains("unknown output mode"));
  all = options();
  all.batch_size = -1;
  REQUIRE_THROWS_WITH(FirstOrderDataGenerator("m.pt", all), Contains("batch size -1"));
  REQUIRE_THROWS_WITH(FirstOrderDataGenerator(std::shared_ptr<fod::CallableModel>()),
                      Contains("there is no model"));
  REQUIRE_THROWS_WITH(FirstOrderDataGenerator(std::function<at::Tensor(at::Tensor const&)>()),
                      Contains("there is no model"));
  FirstOrderDataGenerator missing(folder / "no.pt", options());
  REQUIRE_THROWS_WITH(missing.generate_distributions(dataset), Contains("no.pt"));

  FirstOrderDataGenerator undefined([](at::Tensor const&) { return at::Tensor(); }, options());
  REQUIRE_THROWS_WITH(undefined.generate_distributions(dataset),
                      StartsWith("Model must return a torch.Tensor (logits or probs)."));
  FirstOrderDataGenerator flat([](at::Tensor const& x) { return x.sum(1); }, options());
  REQUIRE_THROWS_AS(flat.generate_distributions(dataset), fod::Error);
  auto const spoil = [](at::Tensor const& x) { // sample 7 and those behind it
    return x.masked_fill(x.slice(1, 0, 1) > 0.65, std::nan(""));
  };
  FirstOrderDataGenerator spoilt(spoil, options());
  REQUIRE_THROWS_WITH(spoilt.generate_distributions(dataset), StartsWith("sample 7 "));

  fod::SampleSource empty;
  FirstOrderDataGenerator good(fod::callable(network()), options());
  REQUIRE_THROWS_WITH(good.generate_distributions(empty), Contains("cannot be read"));
  fod::SampleSource ragged{5, [](std::int64_t i) { return torch::zeros({i == 3 ? 5 : 4}); }};
  REQUIRE_THROWS_WITH(good.generate_distributions(ragged),
                      Contains("sample 3") && Contains("sample 0 is"));
  fod::SampleSource hole{5, [](std::int64_t i) { return i == 2 ? at::Tensor() : torch::zeros(4); }};
  REQUIRE_THROWS_WITH(good.generate_distributions(hole), Contains("sample 2 has no input"));
  fod::SampleSource complex{5, [](std::int64_t) { return torch::zeros(4, torch::kComplexFloat); }};
  REQUIRE_THROWS_WITH(good.generate_distributions(complex), Contains("ComplexFloat"));
}

TEST_CASE("Generators by framework") {
  REQUIRE(fod::create_data_generator("pytorch", "m.pt", options()).options().batch_size == 64);
  REQUIRE_NOTHROW(fod::create_data_generator("jax", "python:m:f"));
  REQUIRE_NOTHROW(fod::create_data_generator("tensorflow", "python:m:f"));
  REQUIRE_THROWS_WITH(fod::create_data_generator("pytorhc", "m.pt"),
                      Contains("unknown framework 'pytorhc'") && Contains("pytorch, jax") &&
                          Contains("did you mean 'pytorch'?"));
  REQUIRE_THROWS_WITH(fod::create_data_generator("jax", "m.pt"),
                      Contains("none of jax") && Contains("python:module:name"));
}
