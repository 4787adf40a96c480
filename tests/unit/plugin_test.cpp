#include "plugin/dlpack.hpp"

#include "fod/error.hpp"
#include "fod/plugin.hpp"

#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <dlfcn.h>
#include <fstream>

namespace {

using Catch::Matchers::Contains;
using fod::ElementType;

std::string const folder = FOD_TEST_PLUGINS;

std::string spec(std::string const& name, std::string const& options = "") {
  return "plugin:" + folder + "/libfod_" + name + ".so" + (options.empty() ? "" : "?" + options);
}

/// What opening it as a model says.
std::string refusal(std::string const& text) {
  try {
    static_cast<void>(fod::plugin::open_model(text, -1, 1));
  } catch (fod::Error const& error) {
    CHECK(error.code() == fod::ExitCode::usage);
    return error.what();
  }
  return "it was opened";
}

/// Two rows of two values as a batch.
class Batch {
public:
  explicit Batch(float first = 1) : values_{first, 2, 3, 4} {}
  fod::ArrayView view() { return {values_.data(), ElementType::float32, {2, 2}, -1}; }

private:
  std::array<float, 4> values_;
};

/// Error of a forward of the misbehaving model.
fod::Error forward_error(std::string const& fault, float first = 1) {
  auto const model = fod::plugin::open_model(spec("misbehaving", fault), -1, 1);
  Batch batch(first);
  auto const view = batch.view();
  try {
    static_cast<void>(model->call({&view, 1}, nullptr));
  } catch (fod::Error const& error) {
    return error;
  }
  return fod::bad_input("nothing was thrown");
}

/// Outputs of the misbehaving model that were not deleted.
int outputs_alive() {
  auto* const library = dlopen((folder + "/libfod_misbehaving.so").c_str(), RTLD_NOW);
  REQUIRE(library != nullptr);
  auto* const count = reinterpret_cast<int (*)()>(dlsym(library, "misbehaving_alive"));
  auto const alive = count();
  dlclose(library);
  return alive;
}

} // namespace

TEST_CASE("a plugin's path and options", "[plugin]") {
  CHECK(fod::plugin::is_plugin("plugin:libx.so"));
  CHECK_FALSE(fod::plugin::is_plugin("x.pt"));
  CHECK(fod::plugin::library_path("plugin:libx.so") == "./libx.so");
  CHECK(fod::plugin::library_path("plugin:/a/libx.so?b=/c?d") == "/a/libx.so");
  CHECK_THROWS_WITH(fod::plugin::library_path("plugin:?a"), Contains("names no plugin"));
}

TEST_CASE("a model in a plugin runs without a copy of its output", "[plugin]") {
  auto model = fod::plugin::open_model(spec("misbehaving"), -1, 1);
  CHECK(model->description() == "misbehaving");
  CHECK(model->arity().least == 1);
  CHECK(model->arity().most < 0);
  CHECK(model->floating_type() == ElementType::float32);
  Batch batch;
  auto const view = batch.view();
  REQUIRE(outputs_alive() == 0);
  auto first = model->call({&view, 1}, nullptr);
  auto const second = model->call({&view, 1}, nullptr);
  CHECK(outputs_alive() == 2);
  first = {};
  CHECK(outputs_alive() == 1);
  model.reset(); // the library stays as long as something of it is in use
  CHECK(second.view.shape == fod::Shape{2, 2});
  CHECK(second.view.type == ElementType::float32);
  CHECK(static_cast<float const*>(second.view.data)[3] == 4);
}

TEST_CASE("bad plugins are refused with their reason", "[plugin]") {
  CHECK_THAT(refusal("plugin:/nowhere/libx.so"), Contains("No such file"));
  CHECK_THAT(refusal("plugin:libc.so.6"), Contains("./libc.so.6")); // it is not searched for
  CHECK_THAT(refusal("plugin:" + folder), Contains("it is no file"));
  CHECK_THAT(refusal(spec("no_plugin")), Contains("no function fod_plugin_abi_version"));
  CHECK_THAT(refusal(spec("no_model")), Contains("no function fod_model_describe"));
  CHECK_THAT(refusal(spec("example_transform")), Contains("no function fod_model_open"));
  CHECK_THAT(refusal(spec("other_version")),
             Contains("has version 42 of the interface") && Contains("has version 1"));
  CHECK_THAT(refusal(spec("misbehaving", "open")), Contains("(no such network)"));
  CHECK_THAT(refusal(spec("misbehaving", "silent")), Contains("it gave no reason"));
  CHECK_THAT(refusal(spec("misbehaving", "describe")), Contains("3 to 2 inputs"));
  CHECK_THAT(refusal(spec("misbehaving", "mute")), Contains("does not describe its model"));
  CHECK_THAT(refusal(spec("misbehaving", "nameless")), Contains("it has no name"));
  CHECK_THAT(refusal(spec("misbehaving", "integers")), Contains("int32 is no floating"));
  TemporaryFolder const temporary;
  std::ofstream(temporary / "libtext.so") << "not a library, but long enough to be looked at";
  CHECK_THAT(refusal("plugin:" + (temporary / "libtext.so")), Contains("libtext.so"));
  CHECK_THAT(refusal(spec("example_cnn")), Contains("weights=FILE"));
  CHECK_THAT(refusal(spec("example_cnn", "weights=/nowhere")), Contains("cannot open /nowhere"));
}

TEST_CASE("a forward that fails is a failure at run time", "[plugin]") {
  auto const error = forward_error("forward");
  CHECK(error.code() == fod::ExitCode::failed);
  CHECK_THAT(error.what(), Contains("(the network is tired)"));
  CHECK(forward_error("late", 101).code() == fod::ExitCode::failed);
}

TEST_CASE("outputs that are no dense array in the right place are refused", "[plugin]") {
  std::vector<std::pair<std::string, std::string>> const faults{{"output", "is missing"},
                                                                {"device", "is on GPU 3"},
                                                                {"strides", "strides are (1, 2)"},
                                                                {"offset", "byte_offset is 2"},
                                                                {"data", "has no data"},
                                                                {"shape", "has no shape"},
                                                                {"type", "24 bits"}};
  for (auto const& [fault, words] : faults) {
    CAPTURE(fault);
    auto const error = forward_error(fault);
    CHECK(error.code() == fod::ExitCode::usage);
    CHECK_THAT(error.what(), Contains(words));
  }
  CHECK(outputs_alive() == 0); // refused ones are given back too
}

TEST_CASE("element types go to DLPack and back", "[plugin]") {
  for (auto const* name : {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
                           "uint64", "float16", "bfloat16", "float32", "float64"}) {
    auto const type = fod::element_type(name);
    CHECK(fod::plugin::element_type_of(fod::plugin::dlpack_type(type), "") == type);
  }
  auto const brain = fod::plugin::dlpack_type(ElementType::bfloat16);
  CHECK(brain.code == kDLBfloat);
  CHECK(brain.bits == 16);
}

TEST_CASE("a view of an array gives the array again, on either device", "[plugin]") {
  std::array<double, 6> values{};
  for (auto const gpu : {-1, 2}) {
    fod::ArrayView const array{values.data(), ElementType::float64, {2, 3}, gpu};
    fod::plugin::TensorView const view(array);
    auto const again = fod::plugin::view_of(*view.get(), gpu, "it");
    CHECK(again.data == array.data);
    CHECK(again.shape == array.shape);
    CHECK(again.type == array.type);
    CHECK(again.gpu == gpu);
    CHECK_THROWS_WITH(fod::plugin::view_of(*view.get(), 1 - gpu, "it"),
                      Contains("the job runs on"));
  }
}

TEST_CASE("strides of extents of 1 do not matter, offsets are added", "[plugin]") {
  std::array<float, 8> values{};
  std::array<std::int64_t, 3> shape{1, 2, 3};
  std::array<std::int64_t, 3> strides{77, 3, 1};
  DLTensor tensor{};
  tensor.data = values.data();
  tensor.device = {kDLCPU, 0};
  tensor.ndim = 3;
  tensor.dtype = {kDLFloat, 32, 1};
  tensor.shape = shape.data();
  tensor.strides = strides.data();
  tensor.byte_offset = 8;
  CHECK(fod::plugin::view_of(tensor, -1, "it").data == values.data() + 2);
  strides = {6, 1, 2};
  CHECK_THROWS_WITH(fod::plugin::view_of(tensor, -1, "it"), Contains("(6, 1, 2)"));
}

TEST_CASE("a transform in a plugin changes rows in place", "[plugin]") {
  auto const transform = fod::plugin::open_transform(spec("example_transform"));
  std::array<float, 4> rows{0.5F, 0.5F, 0.8F, 0.2F};
  transform->apply(rows.data(), 2, 2);
  CHECK(rows[0] == 0.5F);
  CHECK(rows[2] == Approx(0.64 / 0.68));
  CHECK(rows[3] == Approx(0.04 / 0.68));
  std::array<float, 4> nothing{0.5F, 0.5F, 0, 0};
  CHECK_THROWS_WITH(transform->apply(nothing.data(), 2, 2), Contains("row 1 of the batch"));
  CHECK_THROWS_WITH(fod::plugin::open_transform(spec("example_transform", "x=1")),
                    Contains("no options, not even x=1"));
  CHECK_THROWS_WITH(fod::plugin::open_transform(spec("misbehaving")),
                    Contains("no function fod_transform_"));
}
