#include "../unit/temporary_folder.hpp"

#include "fod/error.hpp"
#include "fod/model.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

constexpr char const* source = R"(
import numpy as np
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.dropout = torch.nn.Dropout(0.5)
        with torch.no_grad():
            self.layer.weight.copy_(torch.arange(12.0).reshape(3, 4))
            self.layer.bias.zero_()

    def forward(self, x):
        assert not self.norm.training
        return self.dropout(self.layer(x))

def plain(x):
    return x[:, :3] * 2

def half_the_memory(x):
    if len(x) > 4:
        raise MemoryError
    return x[:, :3] * 2

def smooth(rows):
    return 0.5 * rows + 0.5 / rows.shape[1]

def in_place(rows):
    rows[:, 0] = 1
    rows[:, 1:] = 0

def wrong_shape(rows):
    return rows[:, :1]

def raises(rows):
    raise RuntimeError("not today")
)";

/// The library lies beside the programs, one folder up. The interpreter starts once per process, so
/// the search path is set for all tests at once.
bool python_is_there() {
  namespace fs = std::filesystem;
  static TemporaryFolder const folder;
  static bool const there = [] {
    std::ofstream(folder / "unit_doors.py") << source;
    auto const library =
        fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "libfod_python.so";
    setenv("FOD_PYTHON_LIBRARY", library.c_str(), 1);
    setenv("PYTHONPATH", folder.path().c_str(), 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    if (!fs::exists(library)) {
      std::cout << "skipped: libfod_python.so was not built\n";
    }
    return fs::exists(library);
  }();
  return there;
}

fod::ModelOptions options_for(std::string const& name) {
  fod::ModelOptions options;
  options.sources.push_back({"python:unit_doors:" + name, {}});
  options.fields.push_back({"x", fod::ElementType::float32, {4}});
  options.batch_size = 8;
  return options;
}

std::vector<float> values_of(fod::ModelOutput const& output) {
  std::vector<float> values(static_cast<std::size_t>(fod::element_count(output.shape)));
  REQUIRE(output.type == fod::ElementType::float32);
  std::memcpy(values.data(), output.values, values.size() * sizeof(float));
  return values;
}

/// Every sample is (1, 1, 1, 1).
void fill(fod::Model& model) {
  auto const bytes = model.input(0);
  std::vector<float> const ones(bytes.size() / sizeof(float), 1.0F);
  std::memcpy(bytes.data(), ones.data(), bytes.size());
  static_cast<void>(model.find_input_types());
  model.begin_batch(0);
}

std::string refusal(fod::ModelOptions const& options) {
  try {
    fod::Model const model(options);
  } catch (fod::Error const& error) { // thrown by another library
    CHECK(error.code() == fod::ExitCode::usage);
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("a model in Python shows its parameters and takes bf16") {
  if (!python_is_there()) {
    return;
  }
  auto options = options_for("Net");
  fod::Model plain(options);
  fill(plain);
  CHECK(values_of(plain.forward(0))[2] == 38); // 8 + 9 + 10 + 11
  CHECK(plain.kind(0) == "python, nn.Module");
  auto const parameters = plain.parameters(0);
  REQUIRE(parameters.size() == 4);
  CHECK(parameters[0].name == "layer.weight");
  CHECK(parameters[0].shape == fod::Shape{3, 4});
  CHECK(parameters[0].values[11] == 11);
  CHECK(plain.parameter_bytes() == 4 * (12 + 3 + 3 + 3) + 4 * (3 + 3) + 8);

  options.precision = fod::Precision::bf16;
  fod::Model half(options);
  fill(half);
  CHECK(half.forward(0).type == fod::ElementType::bfloat16);
}

TEST_CASE("dropout in Python is seeded, and on alone") {
  if (!python_is_there()) {
    return;
  }
  auto options = options_for("Net");
  options.dropout_passes = 2;
  fod::Model model(options);
  fill(model);
  auto const first = values_of(model.forward(0));
  auto const second = values_of(model.forward(1));
  CHECK(first != second);
  CHECK(values_of(model.forward(0)) == first);
}

TEST_CASE("a plain callable in Python is what it is") {
  if (!python_is_there()) {
    return;
  }
  auto options = options_for("plain");
  fod::Model model(options);
  fill(model);
  CHECK(values_of(model.forward(0))[0] == 2);
  CHECK(model.parameters(0).empty());
  options.precision = fod::Precision::bf16;
  CHECK_THAT(refusal(options), Catch::Contains("it is a callable"));
  options.precision = fod::Precision::fp32;
  options.dropout_passes = 2;
  CHECK_THAT(refusal(options), Catch::Contains("cannot be seen"));
  CHECK_THAT(refusal(options_for("plane")), Catch::Contains("did you mean 'plain'"));
}

TEST_CASE("Python's MemoryError makes the batches smaller") {
  if (!python_is_there()) {
    return;
  }
  fod::Model model(options_for("half_the_memory"));
  fill(model);
  CHECK(values_of(model.forward(0)) == std::vector<float>(24, 2.0F));
  CHECK(model.micro_batch() == 4);
}

TEST_CASE("transforms in Python return new rows or change them in place") {
  if (!python_is_there()) {
    return;
  }
  auto const requirements = fod::python_requirements(fod::Device(), 1);
  auto const applied = [&](std::string const& name) {
    std::vector<float> rows{1, 0, 0, 0, 0.25F, 0.25F, 0.25F, 0.25F};
    fod::python::open_transform("python:unit_doors:" + name, requirements)
        ->apply(rows.data(), 2, 4);
    return rows;
  };
  CHECK(applied("smooth") ==
        std::vector<float>{0.625F, 0.125F, 0.125F, 0.125F, 0.25F, 0.25F, 0.25F, 0.25F});
  CHECK(applied("in_place") == std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0});
  CHECK_THROWS_WITH(applied("wrong_shape"), Catch::Contains("returned shape (2, 1)"));
  CHECK_THROWS_WITH(applied("raises"), Catch::Contains("RuntimeError: not today"));
  CHECK_THROWS_WITH(applied("nothing"), Catch::Contains("has no 'nothing'"));
}
