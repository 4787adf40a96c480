#include "script_models.hpp"

#include "fod/error.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <stdexcept>

namespace {

using Catch::Matchers::Contains;
using namespace script_models; // NOLINT(google-build-using-namespace)

std::vector<std::string> names_of(std::vector<fod::Layer> const& layers) {
  std::vector<std::string> names;
  for (auto const& layer : layers) {
    names.push_back(layer.name);
  }
  return names;
}

/// What the sink got: values by name, put together from their rows.
class Recorder {
public:
  Recorder(fod::Model& model, fod::Device const& device, std::vector<std::string> const& patterns)
      : layers_(fod::choose_layers(model.find_layers(0), patterns)) {
    model.set_taps(layers_, [this, device](std::size_t tap, fod::ActivationView const& view,
                                           std::int64_t first_row, fod::StreamView /*stream*/) {
      auto& all = values_[layers_[tap].name];
      if (first_row == 0) {
        all = values_of(view, device);
      } else {
        all = torch::cat({all.slice(0, 0, first_row), values_of(view, device)});
      }
      ++calls_;
    });
  }

  torch::Tensor operator[](std::string const& name) const { return values_.at(name); }
  [[nodiscard]] std::vector<std::string> names() const { return names_of(layers_); }
  [[nodiscard]] int calls() const { return calls_; }

private:
  std::vector<fod::Layer> layers_;
  std::map<std::string, torch::Tensor> values_;
  int calls_ = 0;
};

/// first -> in place -> second, where a condition on the batch decides what runs.
torch::jit::Module switching() {
  auto model = module("Net");
  model.register_module("first", linear(4, 3));
  model.register_module("second", linear(3, 2));
  model.define(R"(
def forward(self, x):
  y = self.first.forward(x)
  y += 1
  n = 0
  limit = int(x[0, 0])
  while n < limit:
    y = y * 0.5 + self.first.forward(x)
    n = n + 1
  if int(x[0, 1]) < 1000:
    y = self.second.forward(y)
  else:
    y = y[:, :2]
  return y
)");
  return model;
}

std::string failure_of(fod::Model& model) {
  try {
    static_cast<void>(model.forward(0));
  } catch (fod::Error const& error) {
    CHECK(error.code() == fod::ExitCode::failed);
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("taps get what a layer returned, not what was made of it in place", "[taps]") {
  for (auto const& device : job_support::devices()) {
    auto model = load(switching(), device, 5, {4});
    auto const x = fill(model, {4});
    static_cast<void>(model.find_input_types());
    auto const plain = values_of(model.forward(0), device);
    Recorder const taps(model, device, {"*"});
    CHECK(taps.names() == std::vector<std::string>{"first", "second"});
    auto const tapped = values_of(model.forward(0), device);
    CHECK(torch::equal(plain, tapped));
    auto const weight = torch::arange(12, torch::kFloat32).view({3, 4}) / 8;
    CHECK(torch::equal(taps["first"].squeeze(2), torch::matmul(x, weight.t())));
    CHECK(torch::equal(taps["second"].squeeze(2), plain));

    model.set_taps({}, {});
    CHECK(torch::equal(values_of(model.forward(0), device), plain));
    CHECK(taps.calls() == 2);
  }
}

TEST_CASE("calls in loops have numbers, and each forward counts anew", "[taps]") {
  for (auto const& device : job_support::devices()) {
    auto model = load(switching(), device, 4, {4});
    fill(model, {4}, 2);
    static_cast<void>(model.find_input_types());
    auto const layers = model.find_layers(0);
    CHECK(names_of(layers) == std::vector<std::string>{"first", "first#1", "first#2", "second"});
    CHECK(layers[2].calls == 3);
    CHECK(layers[0].type == "Linear");
    CHECK(layers[0].shape == fod::Shape{4, 3});
    CHECK(layers[0].layout.channels == 3);
    Recorder const taps(model, device, {"first#1"});
    static_cast<void>(model.forward(0));
    static_cast<void>(model.forward(0));
    CHECK(taps.calls() == 2);

    fill(model, {4}, 3); // one round more
    CHECK_THAT(failure_of(model),
               Contains("layer 'first#1' ran 4 times instead of 3") && Contains("block 0"));
    fill(model, {4}, 0); // none
    CHECK_THAT(failure_of(model), Contains("layer 'first#1' did not run"));
    fill(model, {4}, 2);
    CHECK(failure_of(model).empty());
  }
}

TEST_CASE("a layer that control flow leaves out is missed", "[taps]") {
  for (auto const& device : job_support::devices()) {
    auto model = load(switching(), device, 4, {4});
    fill(model, {4});
    static_cast<void>(model.find_input_types());
    Recorder const taps(model, device, {"second"});
    fill(model, {4}, 1000);
    CHECK_THAT(failure_of(model), Contains("layer 'second' did not run"));
  }
}

TEST_CASE("a sink's exception comes out as itself", "[taps]") {
  for (auto const& device : job_support::devices()) {
    auto model = load(switching(), device, 4, {4});
    fill(model, {4});
    static_cast<void>(model.find_input_types());
    auto const layers = fod::choose_layers(model.find_layers(0), {"first", "second"});
    int calls = 0;
    model.set_taps(layers, [&](std::size_t /*tap*/, fod::ActivationView const& /*view*/,
                               std::int64_t /*first_row*/, fod::StreamView /*stream*/) {
      ++calls;
      throw std::logic_error("not today");
    });
    CHECK_THROWS_AS(model.forward(0), std::logic_error);
    CHECK(calls == 1); // it is not asked again in that forward
    CHECK_THROWS_WITH(model.forward(0), "not today");

    model.set_taps(layers, [](std::size_t /*tap*/, fod::ActivationView const& /*view*/,
                              std::int64_t /*first_row*/, fod::StreamView /*stream*/) {
      throw fod::bad_input("NaN in a layer", "sample 3", "look at it");
    });
    CHECK_THROWS_WITH(model.forward(0), "NaN in a layer (sample 3): look at it");
  }
}

TEST_CASE("after memory ran out a layer comes in parts", "[taps]") {
  auto source = module("Net");
  source.register_module("first", linear(4, 3));
  source.register_module("second", linear(3, 2));
  source.define(R"(
def forward(self, x):
  y = self.first.forward(x)
  assert x.size(0) <= 4 or int(x[0, 1]) < 50, "out of memory"
  return self.second.forward(y)
)");
  for (auto const& device : job_support::devices()) {
    auto model = load(source, device, 11, {4});
    fill(model, {4});
    static_cast<void>(model.find_input_types());
    Recorder const taps(model, device, {"*"});
    auto const x = fill(model, {4}, 100);
    static_cast<void>(model.forward(0)); // parts of 11, 6 and 3 are tried
    CHECK(model.micro_batch() == 3);
    auto const first = torch::matmul(x, torch::arange(12, torch::kFloat32).view({3, 4}).t() / 8);
    CHECK(taps["first"].sizes() == torch::IntArrayRef{11, 3, 1});
    CHECK(torch::equal(taps["first"].squeeze(2), first));
    CHECK(taps["second"].size(0) == 11);
    CHECK(taps.calls() == 2 + 2 * 4); // the first layer's rows came three times

    auto const layers = model.find_layers(0); // runs at what memory allows
    CHECK(layers[0].shape == fod::Shape{11, 3});
    CHECK(layers[0].layout.samples == 3);
  }
}

TEST_CASE("one sample is enough to tell which extent is the batch", "[taps]") {
  auto source = module("Net");
  source.register_module("first", linear(4, 3));
  source.define("def forward(self, x):\n  return self.first.forward(x.transpose(0, 1)).mean(0)\n");
  for (auto const& device : job_support::devices()) {
    auto model = load(source, device, 1, {1, 4}); // (1, 1, 4)
    fill(model, {1, 4});
    static_cast<void>(model.find_input_types());
    auto const layers = model.find_layers(0);
    CHECK(layers[0].batch_extent == 1);
    CHECK(layers[0].shape == fod::Shape{1, 1, 3});
  }
}

TEST_CASE("a model that takes one size of batch alone is looked at", "[taps]") {
  auto source = module("Net");
  source.register_module("first", linear(4, 3));
  source.define("def forward(self, x):\n  return self.first.forward(x.view(5, 4))\n");
  for (auto const& device : job_support::devices()) {
    auto model = load(source, device, 5, {4});
    fill(model, {4});
    static_cast<void>(model.find_input_types());
    CHECK(model.find_layers(0).at(0).tappable());
  }
}

TEST_CASE("layers come in the precision in which they were computed", "[taps]") {
  for (auto const& device : job_support::devices()) {
    fod::ModelOptions options;
    options.sources.push_back({"model.pt", saved(switching())});
    options.device = device;
    options.fields.push_back({"x", fod::ElementType::float32, {4}});
    options.batch_size = 5;
    options.precision = fod::Precision::bf16;
    fod::Model model(options);
    fill(model, {4});
    static_cast<void>(model.find_input_types());
    auto const output = [&] {
      auto const came = model.forward(0);
      CHECK(came.type == fod::ElementType::bfloat16);
      auto const place = device.is_cuda ? torch::Device(torch::kCUDA, 0) : torch::kCPU;
      // from_blob wants memory that may be written; nothing writes to it.
      auto* const values = const_cast<void*>(came.values); // NOLINT(*-const-cast)
      return torch::from_blob(values, came.shape,
                              torch::TensorOptions(torch::kBFloat16).device(place))
          .to(torch::kCPU)
          .clone();
    };
    auto const plain = output();
    std::vector<std::string> types;
    model.set_taps(
        fod::choose_layers(model.find_layers(0), {"*"}),
        [&](std::size_t /*tap*/, fod::ActivationView const& view, std::int64_t /*first_row*/,
            fod::StreamView /*stream*/) { types.emplace_back(fod::name_of(view.type)); });
    CHECK(torch::equal(output(), plain));
    CHECK(types == std::vector<std::string>(2, "bfloat16"));
  }
}

TEST_CASE("outputs without a batch are told", "[taps]") {
  auto source = module("Net");
  auto sum = module("Sum", "def forward(self, x):\n  return x.sum(0)\n");
  auto many = module("Windows", "def forward(self, x):\n  return x.repeat(2, 1)\n");
  auto sparse = module("Sparse", "def forward(self, x):\n  return x.to_sparse()\n");
  source.register_module("sum", sum);
  source.register_module("windows", many);
  source.register_module("sparse", sparse);
  source.define(R"(
def forward(self, x):
  return x + self.sum.forward(x) + self.windows.forward(x)[:x.size(0)] + self.sparse.forward(x).to_dense()
)");
  for (auto const& device : job_support::devices()) {
    auto model = load(source, device, 5, {4});
    fill(model, {4});
    static_cast<void>(model.find_input_types());
    auto const layers = model.find_layers(0);
    REQUIRE(layers.size() == 3);
    CHECK(layers[0].problem == "no extent of its output (4,) is the batch of 5");
    CHECK(layers[1].problem == "no extent of its output (10, 4) is the batch of 5");
    CHECK(layers[2].problem == "its output is a sparse tensor");
    CHECK_THROWS_WITH(model.set_taps(layers, {}), Contains("layer 'sum' cannot be tapped"));
  }
}

TEST_CASE("default arguments and methods of the model's own stay what they are", "[taps]") {
  auto inner = module("Inner");
  inner.register_module("layer", linear(4, 4));
  inner.define(R"(
def forward__0(self, x):
  return self.forward(x)
def forward(self, x):
  return self.helper(x) + 1
def helper(self, x):
  return self.layer.forward(x)
)");
  auto source = module("Net");
  source.register_module("inner", inner);
  source.define(R"(
def late(self, x):
  return self.inner.helper(x)
def forward(self, x, rounds: int = 2):
  for i in range(rounds):
    x = self.inner.forward__0(x)
  return self.late(x)
)");
  for (auto const& device : job_support::devices()) {
    auto model = load(source, device, 3, {4});
    fill(model, {4});
    static_cast<void>(model.find_input_types());
    auto const plain = values_of(model.forward(0), device);
    Recorder const taps(model, device, {"*"});
    // Two calls of the overload, which calls the plain one; the helper is no call of the module.
    CHECK(taps.names() == std::vector<std::string>{"inner.layer", "inner", "inner.layer#1",
                                                   "inner#1", "inner.layer#2"});
    CHECK(torch::equal(values_of(model.forward(0), device), plain));
    CHECK(torch::equal(taps["inner"], taps["inner.layer"] + 1));
    CHECK(torch::equal(taps["inner.layer#2"].squeeze(2), plain));
  }
}
